import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookAtSignIn } from '../../../src/commands/doctor/sign-in.ts';
import { CLIENT, startProvider, type TestProvider } from '../../support/oidc/provider.ts';

describe('doctor, about sign-in', () => {
  let provider: TestProvider;
  beforeAll(async () => {
    provider = await startProvider();
  });
  afterAll(() => provider.stop());
  const look = (issuer = provider.issuer) =>
    lookAtSignIn({ local: false, oidc: { ...CLIENT, issuer: new URL(issuer) } });

  it('finds a provider that is the issuer', async () => {
    expect(await look()).toMatchObject([{ state: 'ok' }]);
  });

  it('finds one that calls itself otherwise, none at that address, and none at all', async () => {
    provider.alias = 'https://login.example';
    expect(await look()).toMatchObject([{ state: 'bad', what: expect.stringContaining('another issuer') }]);
    provider.alias = null;
    expect(await look(`${provider.issuer}/realms/x`)).toMatchObject([
      { state: 'bad', what: expect.stringContaining('404') },
    ]);
    const gone = await startProvider();
    await gone.stop();
    expect(await look(gone.issuer)).toMatchObject([
      { state: 'bad', what: expect.stringContaining('cannot be reached') },
    ]);
  });

  it('notes that there is none', async () => {
    expect(await lookAtSignIn({ local: false, oidc: null })).toMatchObject([
      { state: 'note', what: 'none: the workspace is off' },
    ]);
  });
});
