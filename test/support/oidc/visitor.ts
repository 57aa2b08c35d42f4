/** A browser as far as sign-in needs one: cookies, the headers that browsers add, and one step after the other. */
import { type Answer, ask } from '../web-server.ts';

/** How a browser opens a link. */
const NAVIGATION = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

/** Where the server listens, and how browsers see it. */
export type Address = { port: number; publicUrl: URL };

export class Visitor {
  readonly cookies = new Map<string, string>();
  private readonly workspace: Address;
  constructor(workspace: Address) {
    this.workspace = workspace;
  }

  /** One request; what the answer sets or clears is kept. A header `''` is left out. */
  async send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = {
      host: this.workspace.publicUrl.host,
      ...(cookie === '' ? {} : { cookie }),
      ...(method === 'GET' ? {} : { origin: this.workspace.publicUrl.origin }),
      ...headers,
    };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
    const answer = await ask(this.workspace.port, path, {
      method,
      headers: sent,
      ...(body === undefined ? {} : { body }),
    });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, decodeURIComponent(value));
    }
    return answer;
  }

  read = (path: string, headers: Record<string, string> = {}) => this.send('GET', path, headers);
  open = (path: string, site = 'cross-site') =>
    this.send('GET', path, { ...NAVIGATION, 'sec-fetch-site': site });

  /** A change as our own page sends it; `headers` replace what it would say. */
  async change(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
    const all = { 'content-type': 'application/json', 'x-countersign-csrf': await this.csrf(), ...headers };
    return this.send('POST', path, all, JSON.stringify(body));
  }

  async csrf(): Promise<string> {
    const { body } = await this.read('/api/workspace/session', { 'x-countersign-background': '1' });
    return (body as { csrf?: string }).csrf ?? '';
  }

  /** Presses "Sign in"; answers the provider's address that the page leads to. */
  async begin(to = '/'): Promise<URL> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { headers: answered } = await this.send(
      'POST',
      '/sign-in',
      headers,
      new URLSearchParams({ to }).toString(),
    );
    return new URL(String(answered.refresh).replace(/^0; url=/, ''));
  }

  /** The provider lets the person in; answers where it sends them, as a path of ours. */
  async authorize(url: URL): Promise<string> {
    const { headers } = await fetch(url, { redirect: 'manual' });
    const back = new URL(headers.get('location') ?? '');
    return back.pathname + back.search;
  }

  /** All of it. */
  async signIn(to = '/'): Promise<Answer> {
    return this.open(await this.authorize(await this.begin(to)));
  }

  async whoAmI(): Promise<string | null> {
    const { status, body } = await this.read('/api/workspace/me');
    return status === 200 ? (body as { id: string }).id : null;
  }
}
