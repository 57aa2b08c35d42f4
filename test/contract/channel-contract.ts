/** The suite that every platform passes: the same rules, each through that platform's own wire. */
import { afterEach, beforeAll, describe, it } from 'vitest';
import type { Channel } from './channel.ts';
import { type Company, useCompany } from './company.ts';
import { exceptionOf, type PlatformName } from './platforms.ts';
import { PROOFS } from './proofs.ts';
import { RULES, type RuleId } from './rules.ts';
import { storyOf } from './story.ts';

/** Proves every rule that the platform's declaration does not except; what it excepts is named with its reason. */
export function channelContract(name: PlatformName, open: (company: Company) => Promise<Channel>): void {
  describe(`${name} keeps the channel contract`, () => {
    const company = useCompany();
    let channel: Channel;
    beforeAll(async () => {
      channel = await open(company);
    });
    afterEach(() => company.expectVerifiedLog());

    for (const [rule, says] of Object.entries(RULES) as [RuleId, string][]) {
      const why = exceptionOf(name, rule);
      if (why === null) it(says, () => PROOFS[rule](channel, storyOf(company, channel)));
      else it.skip(`${says} Excepted: ${why}.`);
    }
  });
}
