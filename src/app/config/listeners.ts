import { section } from './section.ts'
import { list, oneOf, optional, text, wholeNumber } from './setting.ts'

/** The APIs a listener can offer. */
export const apiNames = ['client', 'metrics'] as const
export type ApiName = (typeof apiNames)[number]

const tls = section('Certificate and key, to speak HTTPS without a proxy in front. Paths are relative to this file.', {
  certificate: text({ description: 'The certificate and its chain, in PEM.', example: 'fullchain.pem' }),
  key: text({ description: 'Its private key, in PEM.', example: 'privkey.pem' }),
})

const listener = section('', {
  address: text({
    description:
      'The address to listen on. 127.0.0.1: only this machine; "::" or 0.0.0.0: every machine that can reach it.',
    otherwise: '127.0.0.1',
  }),
  port: wholeNumber({ description: 'The port. 0 takes any free one.', otherwise: 8008, min: 0, max: 65_535 }),
  apis: list(oneOf(apiNames, { description: '' }), {
    description: `What is offered here: ${apiNames.join(', ')}. Metrics are for Prometheus, at /metrics: give them a listener that strangers cannot reach.`,
    otherwise: ['client'] as const,
    min: 1,
  }),
  trustedProxies: list(text({ description: '' }), {
    description:
      'Proxies in front of this listener, as addresses or networks (10.0.0.0/8): what they say about the address of a client (X-Forwarded-For) is believed. From nobody else.',
    otherwise: [],
  }),
  tls: optional(tls),
})

/** Where the server listens. */
export const listeners = list(listener, {
  description: 'Where the server listens.',
  min: 1,
  otherwise: [{ address: '127.0.0.1', port: 8008, apis: ['client'] as const, trustedProxies: [], tls: undefined }],
  shown: {
    lines: listener.example.lines.map((line, index) => (index === 0 ? `- ${line}` : line === '' ? '' : `  ${line}`)),
    block: true,
  },
})
