/** Arguments that several actions share, so that they read the same in every form and command. */
import { z } from 'zod';
import type { Resource } from '../src/model/request.ts';

/** `T-12` on the desk, `12` or `#12` on GitHub, Request Tracker and Zendesk, `ITSM2-12` on Jira, `INC0010023` on ServiceNow. */
export const ticketField = z
  .string()
  .trim()
  .regex(
    /^(?:#?[1-9][0-9]{0,14}|[A-Za-z][A-Za-z0-9_]{0,9}-[1-9][0-9]{0,9}|[A-Za-z]{2,10}[0-9]{5,12})$/,
    'A ticket is written like T-12, #12 or INC0010023.',
  )
  .meta({ title: 'Ticket', description: 'The number of the ticket, e.g. T-12.' });

/** Up to 15 digits: the run ids of GitHub have 11 and more, and what is beyond no longer counts exactly. */
export const runField = z
  .string()
  .regex(/^R-[1-9][0-9]{0,14}$/, 'A run is written like R-12.')
  .meta({ title: 'Run', description: 'The number of the run, e.g. R-12.' });

export const repoField = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'A repository is one name, such as web.')
  .meta({ title: 'Repository', description: 'The name of the repository, e.g. web.' });

export const refField = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'A ref is a branch, a tag or a commit.')
  .meta({ title: 'Branch, tag or commit', description: 'What to run on, e.g. main.' });

export const jobField = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'A job is one name in small letters, such as checks.')
  .meta({ title: 'Job', description: 'The name of the job, e.g. checks.' });

/** A job's or a runbook's own inputs; its description says which there are and what they may hold. */
export const inputsField = z
  .record(z.string().regex(/^[a-z][a-z0-9_]{0,39}$/), z.string().max(1_000))
  .optional()
  .meta({ title: 'Inputs', description: "The job's own inputs by name, as text." });

/** One line that somebody reads on a phone. */
export const headlineField = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .regex(/^[^\r\n]+$/, 'This is one line.')
  .meta({ title: 'Title', description: 'What is wrong, in one line.' });

export const serviceField = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'A service is one name in small letters, such as web.')
  .meta({ title: 'Service', description: 'The name of the service, e.g. web.' });

/** PagerDuty's ids: capital letters and digits. */
export const incidentField = z
  .string()
  .trim()
  .regex(/^[A-Z0-9]{5,25}$/, 'An incident is written like Q1RT4KHLK9ABCD.')
  .meta({ title: 'Incident', description: 'The id of the incident, as the assistant gave it.' });

export const incidentResource = (connector: string, incident: string): Resource => ({
  type: 'Incident',
  id: `${connector}/${incident}`,
  attributes: { connector },
});
