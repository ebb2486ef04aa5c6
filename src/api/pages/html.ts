import { createHash } from 'node:crypto'
import { Answer } from '#http/route.ts'

/** A piece of HTML: its texts are escaped already. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** HTML with values put in: texts are escaped, pieces of HTML and lists of them are not, undefined is left out. */
export function html(parts: TemplateStringsArray, ...values: (string | Html | readonly Html[] | undefined)[]): Html {
  const texts = values.map((value) => {
    if (value === undefined) return ''
    if (typeof value === 'string') return value.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter)
    return value instanceof Html ? value.text : value.map((piece) => piece.text).join('')
  })
  return new Html(String.raw({ raw: parts }, ...texts))
}

const style = `
:root{color-scheme:light dark;--ground:#f4f2ee;--card:#fff;--ink:#1d2230;--faint:#5b6272;--line:#d9d5cc;--accent:#1f6f6b;--on-accent:#fff;--wrong:#a3231f}
@media (prefers-color-scheme:dark){:root{--ground:#14161c;--card:#1e212a;--ink:#eceef4;--faint:#a3aabb;--line:#343946;--accent:#5cc4bd;--on-accent:#0c1a19;--wrong:#ff8f86}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{width:100%;max-width:34rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:clamp(1.5rem,5vw,2.75rem)}
header{display:flex;align-items:center;gap:.9rem;margin-bottom:1.25rem}
svg{width:2.75rem;height:2.75rem;flex:none}
h1{font-size:1.45rem;line-height:1.25;margin:0}
h2{font-size:1.05rem;margin:1.75rem 0 .5rem}
p{margin:.6rem 0}
header p,small,.hint{color:var(--faint);margin:0}
label{display:block;font-weight:600;margin-top:1rem}
input{width:100%;margin-top:.3rem;padding:.65rem .75rem;font:inherit;color:inherit;background:var(--ground);border:1px solid var(--faint);border-radius:.5rem}
button{margin-top:1.5rem;width:100%;padding:.75rem;font:inherit;font-weight:600;color:var(--on-accent);background:var(--accent);border:0;border-radius:.5rem;cursor:pointer}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
code{font-family:ui-monospace,monospace;font-size:.95em;background:var(--ground);padding:.15rem .4rem;border-radius:.3rem;overflow-wrap:anywhere}
ul{padding-left:1.2rem;margin:.5rem 0}
li{margin:.35rem 0}
.wrong{color:var(--wrong);font-weight:600;border-left:4px solid currentColor;padding-left:.75rem}
`

/** Put together apart from the page, whose formatting must not change a letter of it. */
const styleElement = new Html(`<style>${style}</style>`)

const tile = html`<svg viewBox="0 0 24 24" aria-hidden="true" fill="#1f6f6b">
  <path d="M2 2h9v9H2z" />
  <path d="M13 2h9v9h-9z" opacity=".7" />
  <path d="M2 13h9v9H2z" opacity=".45" />
  <path d="M13 13h9v9h-9z" fill="#d9903d" />
</svg>`

/** Nothing runs, nothing is loaded, nothing may frame the page; its one style is named by its digest. */
const securityHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  // Not 'no-referrer': browsers would then hide from us that our own form came from us.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

/** A whole page as an answer. */
export function pageAnswer(
  status: number,
  page: { readonly title: string; readonly about: string; readonly body: Html },
): Answer {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title}</title>
        ${styleElement}
      </head>
      <body>
        <main>
          <header>
            ${tile}
            <div>
              <h1>${page.title}</h1>
              <p>${page.about}</p>
            </div>
          </header>
          ${page.body}
        </main>
      </body>
    </html> `
  return new Answer(status, document.text, securityHeaders)
}
