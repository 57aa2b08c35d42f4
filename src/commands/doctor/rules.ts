/** The files that decide: directory, policies, jobs. */
import type { Config } from '../../config.ts';
import { AppError } from '../../errors.ts';
import { prepareOutside } from '../../foreign/outside.ts';
import { loadRules } from '../../house.ts';
import { bad, type Finding, looking, note, ok } from './finding.ts';

export async function lookAtRules(config: Config): Promise<Finding[]> {
  try {
    const { directory, policy, catalogue } = loadRules(config);
    const { people, groups, file } = directory.current;
    const { policies, files, warnings } = policy().loaded;
    return [
      config.peopleFile === null
        ? note(
            'directory',
            `${people.length} sample people`,
            'Name your own with "people:" in countersign.yaml.',
          )
        : ok('directory', `${people.length} people in ${groups.length} groups, from ${file}`),
      ok('policies', `${policies.size} in ${files.length} files, for ${catalogue.all().length} actions`),
      ...warnings.map((warning) => note('policies', warning)),
      ...(await looking('actions', () => ownActions(config))),
    ];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const name = error.code === 'directory_invalid' ? 'directory' : 'policies';
    return [
      bad(name, error.message, 'docs/policy.md describes both; npx countersign policy check tries again.'),
    ];
  }
}

/** Bundled and compared as a start does; nothing of them runs. */
async function ownActions(config: Config): Promise<Finding[]> {
  const { statuses } = await prepareOutside(config.actions, config);
  return statuses.map(({ state, words, lacks }) =>
    state === 'served' && !lacks
      ? ok('actions', words)
      : note('actions', words, 'docs/action-author.md tells what to do.'),
  );
}
