/**
 * The rules that no operator's file can remove: they are part of the program and join every policy set.
 * Written in Cedar like the others, so that an auditor reads one language and evidence names them alike.
 */

/** The rule behind a denial by the kill switch. */
export const KILL_SWITCH_RULE = 'kill-switch';

/** What the built-in rules' "file" is called where a file is named. */
export const BUILT_IN_FILE = '(built in)';

/** The Cedar actions besides the governed ones, and the type of resource each applies to. */
export const HOUSE_ACTIONS = {
  approve: 'Request',
  kill: 'System',
  readAudit: 'System',
  erase: 'System',
} as const;

/** What operators may do to Countersign itself. */
export type HouseAction = 'kill' | 'readAudit' | 'erase';

/** The kill switch covers approving too; never the actions with which it is lifted and looked into. */
export function builtInPolicies(governed: readonly string[]): string {
  const stopped = [...governed, 'approve'].map((name) => `Action::${JSON.stringify(name)}`).join(', ');
  return `@id("${KILL_SWITCH_RULE}")
@description("Nothing runs and nothing is approved while the kill switch is on.")
@reason("The kill switch is on.")
forbid (principal, action in [${stopped}], resource)
when { context.killed };

@id("nobody-approves-their-own")
@description("Nobody approves their own request.")
@reason("A request needs the approval of somebody other than its requester.")
forbid (principal, action == Action::"approve", resource)
when { principal == resource.requester };
`;
}
