/** What the fake Jenkins covers, checked by a test against what it implements. What is not here, it answers with 404. */
export const COVERAGE = {
  routes: [
    'GET /crumbIssuer/api/json',
    'GET /queue/api/json',
    'GET /queue/item/{}/api/json',
    'GET /repos/acme/web/commits',
    'GET {}/api/json',
    'GET {}/{}/api/json',
    'GET {}/{}/consoleText',
    'GET {}/{}/logText/progressiveText',
    'POST /queue/cancelItem',
    'POST {}/buildWithParameters',
    'POST {}/{}/stop',
  ],
  checks: [
    'basic credentials; a crumb with every POST',
    'folders; jobs that are disabled or take no parameters',
    'parameters that a job does not declare are left out',
    'what waits in the queue, of any job',
    'a Location for the place in the queue, which is forgotten on demand',
    'redirects after a stop',
    'a log that grows, by the byte: whole lines and ten thousand at most while it goes on, with what the answer leaves out',
    'HTML for refusals',
  ],
} as const;
