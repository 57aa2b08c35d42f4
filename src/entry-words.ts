/** An audit entry as a line for people. Pure; only our words, ids and codes: what people wrote stays sealed. */
import type { EntryType } from './audit/log.ts';
import { goingOn, UNSTARTED } from './model/expiry.ts';

export type EntryBody = {
  id: string;
  time: string;
  type: EntryType;
  turn?: string;
  request?: string;
  principal?: string;
  data?: Record<string, unknown>;
};

const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';
const list = (value: unknown): string =>
  Array.isArray(value) ? value.map(text).filter(Boolean).join(', ') : '';

/** Entries from before say no reason: time had passed. */
const WHY_OTHERS: Record<string, string> = {
  too_few: 'Those who were asked could not decide it by themselves any more',
  rerouted: 'Who is asked was configured anew',
  unreachable: 'Where it was to be asked, nobody could be told',
};

/** One sentence for an entry; exhaustive, so that a new type must be given its words. */
export function entryInWords(entry: EntryBody): string {
  const data = entry.data ?? {};
  const who = entry.principal ?? 'Somebody';
  switch (entry.type) {
    case 'turn.received':
      return data.identified === false
        ? `A message from an unknown account arrived (${text(data.platform)}).`
        : `${who} wrote (${text(data.platform)}).`;
    case 'turn.screened':
      return `Masked before storing: ${list(data.masked)}.`;
    case 'model.called':
      return `The model ${text(data.model)} was asked.`;
    case 'model.answered':
      return `The model answered${data.problem === undefined ? '' : `: ${text(data.problem)}`}.`;
    case 'proposal.made':
      return `${text(data.action)} proposed for ${who}${data.typed === true ? ', typed by them' : ''}.`;
    case 'decision.made':
      return data.allowed === true
        ? `Policy permits it (${list(data.policies)}).`
        : `Policy denies it (${text(data.code) || list(data.policies)}).`;
    case 'request.confirmed':
      return `${who} confirmed exactly this.`;
    case 'request.edited':
      return `${who} changed the request (${list(data.changed)}).`;
    case 'request.cancelled':
      return data.reason === 'requester' ? `${who} cancelled it.` : `Cancelled (${text(data.reason)}).`;
    case 'request.expired':
      return text(data.code) === UNSTARTED.code
        ? `Expired: ${goingOn(UNSTARTED.message)}`
        : 'Expired: nobody decided in time.';
    case 'approval.asked':
      return 'Approval was asked for.';
    case 'approval.given':
      return `${who} approved exactly this (${list(data.groups)}).`;
    case 'approval.denied':
      return `${who} denied it.`;
    case 'approval.refused':
      return `${who} may not ${text(data.decision) || 'decide'}; refused.`;
    case 'approval.ignored':
      return `A click of ${who} did not count (${text(data.why)}).`;
    case 'approval.escalated':
      return `${WHY_OTHERS[text(data.because)] ?? 'Nobody had decided'}; now asked too: ${list(data.to)}.`;
    case 'approval.delegated':
      return `${who} handed it over to ${text(data.to)}.`;
    case 'execution.started':
      return `Started, isolated at level ${text(data.level)}.`;
    case 'egress.called':
      return `${text(data.method)} ${text(data.host)}${text(data.path)} answered ${text(data.status)}.`;
    case 'egress.refused':
      return `Refused at the broker: ${text(data.method)} ${text(data.host)}${text(data.path)} (${text(data.code)}).`;
    case 'credential.minted':
      return data.refused === undefined
        ? `A token was made for ${text(data.repository)} on ${text(data.host)}.`
        : `A token for ${text(data.repository)} on ${text(data.host)} could do other than was asked for; it was not used.`;
    case 'credential.rotated':
      return `The credential ${text(data.name)} was read anew from ${text(data.variable)}.`;
    case 'credential.revoked':
      return `The token for ${text(data.repository)} on ${text(data.host)} was taken back.`;
    case 'account.asked':
      return `An account of ${text(data.platform)} asked to be linked to ${who}.`;
    case 'account.refused':
      return `${who} said that an account of ${text(data.platform)} is not theirs; it was not linked.`;
    case 'account.linked':
      return `${who} linked an account of ${text(data.platform)} to themselves.`;
    case 'account.unlinked':
      return `An account of ${text(data.platform)} is linked to ${who} no more (by ${text(data.by)}).`;
    case 'execution.finished':
      return `Ended: ${text(data.state)} (${text(data.code)}).`;
    case 'execution.resolved':
      return `${who} said what became of it: ${text(data.state)}.`;
    case 'reply.sent':
      return `${who} was answered.`;
    case 'feedback.given':
      return `${who} gave feedback.`;
    case 'killswitch.changed':
      return `Kill switch ${text(data.to)} by ${text(data.by)}.`;
    case 'config.loaded':
      return 'Configuration loaded.';
    case 'policy.loaded':
      return 'Policies loaded.';
    case 'audit.read':
      return `${who} read the log.`;
    case 'privacy.erased':
      return "A person's key was destroyed.";
    case 'alert.raised':
      switch (data.code) {
        case 'reported':
          return `${who} reported that something looks wrong.`;
        case 'tool_changed':
          return `The tool ${text(data.tool)} of the MCP server ${text(data.server)} has changed since it was reviewed.`;
        case 'isolation_fell':
          return `Isolation${data.of === 'jobs' ? ' of jobs' : ''} fell from ${text(data.from)} to ${text(data.to)}.`;
        case 'isolation_recovered':
          return `Isolation${data.of === 'jobs' ? ' of jobs' : ''} rose from ${text(data.from)} to ${text(data.to)}.`;
        default:
          return `Alert: ${text(data.code)}.`;
      }
  }
}
