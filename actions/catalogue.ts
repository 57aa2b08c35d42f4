/** Every governed action and every connector there is; the operator's config chooses the connector of each port. */
import type { Action, Connector } from '../src/action.ts';
import { accessGrant } from './access.grant.ts';
import { accessRevoke } from './access.revoke.ts';
import { ciCancel } from './ci.cancel.ts';
import { ciLogs } from './ci.logs.ts';
import { ciRerun } from './ci.rerun.ts';
import { ciStatus } from './ci.status.ts';
import { ciTrigger } from './ci.trigger.ts';
import { buildbot } from './connectors/buildbot.ts';
import { buildbotDeployments } from './connectors/buildbot-deployments.ts';
import { desk } from './connectors/desk.ts';
import { githubActions } from './connectors/github-actions.ts';
import { githubDeployWorkflow } from './connectors/github-deploy-workflow.ts';
import { githubDeployments } from './connectors/github-deployments.ts';
import { githubIssues } from './connectors/github-issues.ts';
import { githubTeams } from './connectors/github-teams.ts';
import { gitlab } from './connectors/gitlab.ts';
import { gitlabDeployments } from './connectors/gitlab-deployments.ts';
import { jenkins } from './connectors/jenkins.ts';
import { jenkinsDeployments } from './connectors/jenkins-deployments.ts';
import { jira } from './connectors/jira.ts';
import { pagerduty } from './connectors/pagerduty.ts';
import { requestTracker } from './connectors/request-tracker.ts';
import { runbooks } from './connectors/runbooks.ts';
import { runner } from './connectors/runner.ts';
import { runnerDeployments } from './connectors/runner-deployments.ts';
import { servicenow } from './connectors/servicenow.ts';
import { zendesk } from './connectors/zendesk.ts';
import { deployPromote } from './deploy.promote.ts';
import { deployRollback } from './deploy.rollback.ts';
import { incidentNote } from './incident.note.ts';
import { incidentOpen } from './incident.open.ts';
import { incidentResolve } from './incident.resolve.ts';
import { incidentStatus } from './incident.status.ts';
import { oncallPage } from './oncall.page.ts';
import { runbookRun } from './runbook.run.ts';
import { ticketClose } from './ticket.close.ts';
import { ticketComment } from './ticket.comment.ts';
import { ticketCreate } from './ticket.create.ts';
import { ticketStatus } from './ticket.status.ts';

export const ACTIONS: readonly Action[] = [
  ticketCreate,
  ticketStatus,
  ticketComment,
  ticketClose,
  ciTrigger,
  ciStatus,
  ciCancel,
  ciRerun,
  ciLogs,
  deployPromote,
  deployRollback,
  incidentOpen,
  incidentStatus,
  incidentNote,
  incidentResolve,
  oncallPage,
  runbookRun,
  accessGrant,
  accessRevoke,
];
export const CONNECTORS: readonly Connector[] = [
  buildbot,
  buildbotDeployments,
  desk,
  githubActions,
  githubDeployWorkflow,
  githubDeployments,
  githubIssues,
  githubTeams,
  gitlab,
  gitlabDeployments,
  jenkins,
  jenkinsDeployments,
  jira,
  pagerduty,
  requestTracker,
  runbooks,
  runner,
  runnerDeployments,
  servicenow,
  zendesk,
];
