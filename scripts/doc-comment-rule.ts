/** An ESLint rule: what is exported from a file of `src/` is explained there. */
import { AST_NODE_TYPES, type TSESLint, type TSESTree } from '@typescript-eslint/utils'

const missing =
  "'{{name}}' is exported without a doc comment: say what it takes and gives, which errors it throws, why it is there."

/** Whether a class member belongs to the class alone, or is explained by what it overrides. */
function needsNoComment(member: TSESTree.ClassElement): boolean {
  if (member.type !== AST_NODE_TYPES.MethodDefinition) return true
  if (member.kind === 'constructor' || member.kind === 'set' || member.computed) return true
  return member.key.type === AST_NODE_TYPES.PrivateIdentifier || member.accessibility === 'private' || member.override
}

/** `tessera/doc-comment`. A class that implements an interface is explained member by member in the interface. */
export const docComment: TSESLint.RuleModule<'missing'> = {
  meta: { type: 'suggestion', schema: [], messages: { missing } },
  defaultOptions: [],
  create(context) {
    const { sourceCode } = context
    const want = (node: TSESTree.Node, holder: TSESTree.Node, name: string): void => {
      const comments = sourceCode.getCommentsBefore(holder)
      if (comments.some((comment) => comment.type === 'Block' && comment.value.startsWith('*'))) return
      context.report({ node, messageId: 'missing', data: { name } })
    }
    const wantMembers = (declaration: TSESTree.ClassDeclaration): void => {
      if (declaration.implements.length > 0) return
      for (const member of declaration.body.body) {
        if (needsNoComment(member) || !('key' in member)) continue
        want(member.key, member, `${declaration.id?.name}.${sourceCode.getText(member.key)}`)
      }
    }
    return {
      ExportNamedDeclaration(node) {
        const { declaration } = node
        if (declaration?.type === AST_NODE_TYPES.FunctionDeclaration) {
          want(declaration, node, declaration.id?.name ?? 'a function')
        }
        if (declaration?.type !== AST_NODE_TYPES.ClassDeclaration) return
        want(declaration, node, declaration.id?.name ?? 'a class')
        wantMembers(declaration)
      },
    }
  },
}
