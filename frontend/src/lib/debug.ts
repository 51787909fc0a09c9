// What browser tests and people with an open console may look at: `window.__ioc`.

const shown: Record<string, unknown> = {};
(window as unknown as { __ioc: Record<string, unknown> }).__ioc = shown;

export function debug(more: Record<string, unknown>): void {
  Object.assign(shown, more);
}
