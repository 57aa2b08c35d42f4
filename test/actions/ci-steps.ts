/** How the tests of CI systems start a job of the repository `web` and see it to its end. */
import type { Operation } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { type CiUnderTest, perform } from './ci-contract.ts';
import type { Given } from './through-broker.ts';

type Args = { repo: string; ref: string; job: string };

export function ciSteps(
  ci: () => Pick<CiUnderTest, 'config' | 'settings' | 'settled'>,
  trigger: Operation,
  standard: Args,
  commit: string,
) {
  const ended = async (name: string, args: Record<string, Json> = {}) => {
    const answer = await perform(ci(), trigger, { ...standard, job: name, ...args });
    if ('refused' in answer) throw new Error(answer.refused);
    return answer;
  };
  const which = (run: string, name: string) => ({ run, repo: standard.repo, job: name, commit });
  return {
    given: (args: Record<string, Json> = {}): Given => ({
      args: { ...standard, ...args },
      pinned: { commit },
      mark: crypto.randomUUID().replaceAll('-', ''),
      settings: ci().settings,
    }),
    ended,
    /** A run as the contract names it. */
    which,
    /** A run that has ended. */
    async past(name: string) {
      const { end } = await ended(name);
      const data = end.kind === 'running' ? {} : end.result.data;
      return which((data as { run: string }).run, name);
    },
  };
}
