/**
 * Our page runs under `require-trusted-types-for 'script'`: a string that reaches a markup sink passes through this
 * policy or throws. Mantine writes style sheets that way, and a style sheet needs no `<`; markup does. So whatever
 * slips past React's escaping ends in an error instead of an element. No URL and no script is ever let through.
 */
type PolicyRules = { createHTML(text: string): string };
type TrustedTypes = { createPolicy(name: string, rules: PolicyRules): unknown };

/** Answers style text; throws for anything that could open an element. */
export function onlyStyleText(text: string): string {
  if (text.includes('<')) throw new TypeError('markup is never written into this page');
  return text;
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
trustedTypes?.createPolicy('default', { createHTML: onlyStyleText });
