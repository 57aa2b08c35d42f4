/** An identity provider on loopback that lets everybody in as whoever the test says, and lies where the test wants it to. */
import { OAuth2Issuer, OAuth2Server } from 'oauth2-mock-server';

export type Claims = Record<string, unknown>;

export type TestProvider = {
  /** As it names itself. */
  issuer: string;
  /** The subject of the next ID tokens. */
  subject: string;
  /** Changes the claims of tokens before they are signed; null: none. */
  alter: ((claims: Claims) => void) | null;
  /** Stands in place of the right ID token; null: nothing does. */
  forged: string | null;
  /** Key id of the one key that it publishes. */
  keyId: string;
  /** What it calls itself in its metadata, where that is not what it is; null: its name. */
  alias: string | null;
  /** How often a code was exchanged. */
  readonly exchanges: number;
  stop(): Promise<void>;
};

export const CLIENT = { clientId: 'countersign-tests', clientSecret: 'only-for-tests' };

export async function startProvider(): Promise<TestProvider> {
  const server = new OAuth2Server();
  const key = await server.issuer.keys.generate('RS256');
  await server.start(0, 'localhost');
  let exchanges = 0;
  const provider: TestProvider = {
    issuer: server.issuer.url ?? '',
    subject: 'nobody',
    alter: null,
    forged: null,
    alias: null,
    keyId: key.kid,
    get exchanges() {
      return exchanges;
    },
    stop: () => server.stop(),
  };
  server.service.on('beforeTokenSigning', ({ payload }: { payload: Claims }) => {
    payload.sub = provider.subject;
    provider.alter?.(payload);
  });
  server.service.on('beforeWellKnownOpenIdConfiguration', ({ body }: { body: Record<string, unknown> }) => {
    if (provider.alias !== null) body.issuer = provider.alias;
  });
  server.service.on('beforeResponse', ({ body }: { body: Record<string, unknown> }) => {
    exchanges += 1;
    if (provider.forged !== null) body.id_token = provider.forged;
  });
  return provider;
}

/** A token of this issuer and key id, signed by a key that the provider does not publish. */
export async function signedByAnother(issuer: string, kid: string, claims: Claims): Promise<string> {
  const another = new OAuth2Issuer();
  another.url = issuer;
  await another.keys.generate('RS256', { kid });
  return another.buildToken({ scopesOrTransform: (_header, payload) => Object.assign(payload, claims) });
}
