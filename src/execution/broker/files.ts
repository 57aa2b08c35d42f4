/**
 * Stores of files: some upstreams answer with a redirect to where a file lies (GitHub for the log of a job, to a place that is
 * signed for a minute). The operator lists the stores of an upstream; what a rule asks for as such a file is read there, once,
 * without our credential. The upstream that names the place, and the store, are untrusted.
 */
import { AppError } from '../../errors.ts';
import { EgressRefused } from './refusal.ts';

/** Where files of an upstream may lie. */
export type FileStore = { protocol: string; host: RegExp; port: string };

/** A star stands for letters and digits of the first label, so that one account of a public store can be told from another. */
const STORE = /^(https?):\/\/([a-z0-9-]*\*?[a-z0-9-]*(?:\.[a-z0-9-]+)+)(?::([0-9]{1,5}))?$/;
/** A signed address of Azure's store has about 500 characters. No space in it: two that came as one header have one between. */
const LOCATION = /^[\x21-\x7e]{1,4096}$/;

/** Reads the operator's list, such as `https://files*.store.example.com`. Throws `config_invalid`. */
export function parseFileStores(upstream: string, given: readonly string[]): FileStore[] {
  return given.map((entry) => {
    const [, protocol = '', host = '', port = ''] = STORE.exec(entry) ?? [];
    // Under a star at least two labels stand fixed: one alone would be a whole country.
    if (host === '' || (host.includes('*') && host.split('.').length < 3)) {
      throw new AppError(
        'config_invalid',
        `upstreams: ${upstream} has under "files" what is no address such as https://files.example.com or https://files*.store.example.com.`,
      );
    }
    const pattern = host.replaceAll('.', '\\.').replace('*', '[a-z0-9-]*');
    return { protocol: `${protocol}:`, host: new RegExp(`^${pattern}$`), port };
  });
}

const isIn = (url: URL, { protocol, host, port }: FileStore): boolean =>
  url.protocol === protocol && url.port === port && host.test(url.hostname);

/** The place that a redirect names. Throws `redirect` where no listed store has it; its detail is the host, for the operator. */
export function fileAt(stores: readonly FileStore[], location: string): URL {
  const url = LOCATION.test(location) && URL.canParse(location) ? new URL(location) : null;
  const isPlain =
    url !== null && url.username === '' && url.password === '' && !url.pathname.startsWith('//');
  if (!isPlain) throw new EgressRefused('redirect', 'no plain address');
  if (!stores.some((store) => isIn(url, store))) throw new EgressRefused('redirect', url.host.slice(0, 100));
  return url;
}
