/**
 * What credentials look like. Each pattern is RE2 syntax (no look-around, no back-reference), so that a scan takes
 * time linear in the text. Vendors' own formats first, as their type wins where findings overlap; then credentials
 * in a known position (a URL, a header); then values next to a word that says what they are.
 *
 * The first capture group is the secret where there is one, else the whole match.
 */
import { hasSymbols, looksGiven, looksLikePassword, looksRandom, looksVaried } from './secret-shapes.ts';

export type SecretRule = {
  /** The `type` of findings. */
  id: string;
  /** What the person is told: `[masked: github token]`. */
  kind: string;
  /** RE2 syntax. */
  pattern: string;
  /** Refuses look-alikes: placeholders, words, references to where the secret is kept. */
  accepts?: (secret: string, whole: string) => boolean;
};

/** Not preceded by a character that would make it the middle of a longer word. */
const START = '(?:^|[^A-Za-z0-9])';

/** A vendor's prefix followed by characters of its alphabet. */
function prefixed(id: string, kind: string, body: string, accepts?: SecretRule['accepts']): SecretRule {
  return { id, kind, pattern: `${START}(${body})`, ...(accepts ? { accepts } : {}) };
}

const VENDORS: readonly SecretRule[] = [
  prefixed('aws_access_key', 'aws key', '(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\\b'),
  prefixed(
    'aws_bedrock_key',
    'aws key',
    '(?:ABSK[A-Za-z0-9+/]{40,}={0,2}|bedrock-api-key-[A-Za-z0-9+/=]{12,})',
  ),
  prefixed('github_token', 'github token', 'gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}'),
  prefixed(
    'gitlab_token',
    'gitlab token',
    'gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas|ffct|rtr)-[A-Za-z0-9_.-]{16,}|GR1348941[A-Za-z0-9_-]{16,}|_gitlab_session=[0-9a-z]{32}',
  ),
  prefixed(
    'slack_token',
    'slack token',
    '(?i:xox[abceprs])(?:\\.xox[bp])?-[A-Za-z0-9-]{8,}|xoxo-\\d[A-Za-z0-9-]{8,}|xapp-\\d-[A-Za-z0-9-]{10,}',
    looksIssued,
  ),
  prefixed(
    'slack_webhook',
    'slack webhook',
    'hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/_-]{20,}',
  ),
  prefixed(
    'teams_webhook',
    'teams webhook',
    '[a-z0-9-]{1,60}\\.webhook\\.office\\.com/webhookb2/[A-Za-z0-9@/-]{60,}',
  ),
  prefixed('anthropic_key', 'anthropic key', '(?i:sk-ant-)[A-Za-z0-9_-]{10,}'),
  prefixed('openrouter_key', 'openrouter key', 'sk-or-[A-Za-z0-9_-]{16,}'),
  prefixed(
    'openai_key',
    'openai key',
    '(?i:sk-(?:proj|svcacct|admin|none|test|live)-)[A-Za-z0-9_-]{10,}|sk-[A-Za-z0-9]{20,}',
  ),
  prefixed(
    'stripe_key',
    'stripe key',
    '(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}',
  ),
  prefixed('npm_token', 'npm token', 'npm_[A-Za-z0-9]{36,}'),
  prefixed('pypi_token', 'pypi token', 'pypi-[A-Za-z0-9_-]{16,}'),
  prefixed(
    'huggingface_token',
    'hugging face token',
    '(?:hf_[A-Za-z]{34}|api_org_[A-Za-z]{34}|hf_[A-Za-z0-9]{20,})',
    looksVaried,
  ),
  prefixed('google_api_key', 'google key', 'AIza[A-Za-z0-9_-]{35}', looksVaried),
  prefixed(
    'google_oauth',
    'google token',
    'GOCSPX-[A-Za-z0-9_-]{20,}|ya29\\.[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{30,}',
  ),
  prefixed(
    'azure_client_secret',
    'azure secret',
    '[A-Za-z0-9_~.]{3}\\dQ~[A-Za-z0-9_~.-]{31,34}',
    looksVaried,
  ),
  prefixed('azure_devops_token', 'azure token', '[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}'),
  prefixed('digitalocean_token', 'digitalocean token', 'do[opr]_v1_[a-f0-9]{64}'),
  prefixed('databricks_token', 'databricks token', 'dapi[a-f0-9]{32}(?:-\\d)?'),
  prefixed(
    'hashicorp_token',
    'vault token',
    'hv[sbr]\\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_=-]{60,}',
    looksVaried,
  ),
  prefixed(
    'grafana_token',
    'grafana token',
    'gl(?:sa|c)_[A-Za-z0-9+/]{20,}(?:_[A-Fa-f0-9]{8})?={0,2}',
    looksVaried,
  ),
  prefixed('sendgrid_key', 'sendgrid key', 'SG\\.[A-Za-z0-9_=-]{16,}\\.[A-Za-z0-9_=-]{16,}'),
  prefixed('sendinblue_key', 'brevo key', 'xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}'),
  prefixed('mailgun_key', 'mailgun key', '(?:pub)?key-[a-f0-9]{32}'),
  prefixed('mailchimp_key', 'mailchimp key', '[a-f0-9]{32}-us[0-9]{1,2}\\b'),
  prefixed('twilio_key', 'twilio key', '(?:SK|AC)[a-f0-9]{32}\\b'),
  prefixed('telegram_token', 'telegram token', '[0-9]{8,10}:[A-Za-z0-9_-]{35}\\b'),
  prefixed(
    'discord_token',
    'discord token',
    '[MNOA][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}',
  ),
  prefixed(
    'discord_webhook',
    'discord webhook',
    'discord(?:app)?\\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,}',
  ),
  prefixed('shopify_token', 'shopify token', 'shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}'),
  prefixed('square_token', 'square token', '(?:EAAA[A-Za-z0-9_+=-]{22,60}|sq0[a-z]{3}-[A-Za-z0-9_-]{22,43})'),
  prefixed('facebook_token', 'facebook token', 'EAA[MC][A-Za-z0-9]{100,}|\\d{15,16}\\|[A-Za-z0-9_-]{27,40}'),
  prefixed('postman_key', 'postman key', 'PMAK-[a-f0-9]{24}-[a-f0-9]{34}'),
  prefixed('pulumi_token', 'pulumi token', 'pul-[a-f0-9]{40}'),
  prefixed('linear_key', 'linear key', 'lin_(?:api|oauth)_[A-Za-z0-9]{32,}'),
  prefixed('notion_token', 'notion token', 'ntn_[0-9]{11}[A-Za-z0-9]{32,35}|secret_[A-Za-z0-9]{43}\\b'),
  prefixed(
    'newrelic_key',
    'new relic key',
    'NRAK-[A-Za-z0-9]{27}|NRJS-[a-f0-9]{19}|NRI[IQR]-[A-Za-z0-9_-]{32}',
  ),
  prefixed('dynatrace_token', 'dynatrace token', 'dt0[a-z]\\d{2}\\.[A-Za-z0-9]{24}\\.[A-Za-z0-9]{64}'),
  prefixed(
    'doppler_token',
    'doppler token',
    'dp\\.(?:pt|st|ct|sa|scim|audit)\\.(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44}',
  ),
  prefixed('flyio_token', 'fly.io token', 'fo1_[A-Za-z0-9_-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{80,}={0,3}'),
  prefixed('heroku_key', 'heroku key', 'HRKU-[A-Za-z0-9_-]{20,}'),
  prefixed('netlify_token', 'netlify token', 'nf[poc]_[A-Za-z0-9]{30,}'),
  prefixed('vercel_token', 'vercel token', 'vc[pikar]_[A-Za-z0-9]{20,}'),
  prefixed('supabase_token', 'supabase token', 'sb[ps]_[a-z0-9_]{30,}'),
  prefixed('planetscale_token', 'planetscale token', 'pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,64}'),
  prefixed('groq_key', 'groq key', 'gsk_[A-Za-z0-9]{16,}'),
  prefixed('xai_key', 'xai key', 'xai-[A-Za-z0-9]{16,}'),
  prefixed('perplexity_key', 'perplexity key', 'pplx-[A-Za-z0-9]{32,}'),
  prefixed('replicate_token', 'replicate token', 'r8_[A-Za-z0-9]{16,}'),
  prefixed(
    'onepassword_token',
    '1password token',
    'ops_eyJ[A-Za-z0-9+/]{60,}={0,3}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{5,11}-){3,5}[A-Z0-9]{5}\\b',
  ),
  prefixed('artifactory_token', 'artifactory token', 'AKCp[A-Za-z0-9]{10,}'),
  prefixed(
    'atlassian_token',
    'atlassian token',
    'ATATT3[A-Za-z0-9_=-]{20,}|ATCTT3[A-Za-z0-9_=-]{20,}|ATBB[A-Za-z0-9]{20,}',
  ),
  prefixed('age_key', 'private key', 'AGE-SECRET-KEY-1[A-Z0-9]{58}'),
  prefixed('sentry_token', 'sentry token', 'sntry[su]_[A-Za-z0-9+/=_-]{40,}'),
  prefixed('typeform_token', 'typeform token', 'tfp_[A-Za-z0-9_=.-]{40,}'),
  prefixed('contentful_token', 'contentful token', 'CFPAT-[A-Za-z0-9_-]{43}'),
  prefixed('adafruit_key', 'adafruit key', 'aio_[A-Za-z]{4}[0-9]{2}[A-Za-z0-9]{22}'),
  prefixed('adobe_secret', 'adobe secret', 'p8e-[A-Za-z0-9]{32}'),
  prefixed('alibaba_key', 'alibaba key', 'LTAI[A-Za-z0-9]{16,24}\\b', looksVaried),
  prefixed('clickhouse_key', 'clickhouse key', '4b1d[A-Za-z0-9]{38}\\b', looksVaried),
  prefixed('clojars_token', 'clojars token', 'CLOJARS_[a-f0-9]{60}'),
  prefixed(
    'cloudflare_token',
    'cloudflare token',
    'v1\\.0-[a-f0-9]{24}-[a-f0-9]{146}|cf(?:ut|at|k)_[A-Za-z0-9]{40,}',
  ),
  prefixed('duffel_token', 'duffel token', 'duffel_(?:test|live)_[A-Za-z0-9_=-]{43}'),
  prefixed('easypost_token', 'easypost token', 'EZ[AT]K[A-Za-z0-9]{54}'),
  prefixed('flutterwave_key', 'flutterwave key', 'FLW(?:PUBK|SECK)_TEST-[A-Za-z0-9]{12,32}(?:-X)?'),
  prefixed('frameio_token', 'frame.io token', 'fio-u-[A-Za-z0-9_=-]{64}'),
  prefixed('gocardless_token', 'gocardless token', 'live_[A-Za-z0-9_=-]{40}'),
  prefixed('harness_token', 'harness token', '[ps]at\\.[A-Za-z0-9_-]{22}\\.[a-f0-9]{24}\\.[A-Za-z0-9]{20}'),
  prefixed('infracost_key', 'infracost key', 'ico-[A-Za-z0-9]{32}'),
  prefixed('intra42_secret', '42 secret', 's-s4t2(?:ud|af)-[a-f0-9]{64}'),
  prefixed('lob_key', 'lob key', '(?:live|test)_(?:pub_)?[a-f0-9]{31,35}\\b'),
  prefixed('maxmind_key', 'maxmind key', '[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk\\b'),
  prefixed(
    'microsoft_teams_hook',
    'teams webhook',
    '[a-f0-9-]{36}@[a-f0-9-]{36}/IncomingWebhook/[a-f0-9]{32}/[a-f0-9-]{36}',
  ),
  prefixed('octopus_key', 'octopus key', 'API-[A-Z0-9]{26}\\b'),
  prefixed('openshift_token', 'openshift token', 'sha256~[A-Za-z0-9_-]{43}'),
  prefixed(
    'plaid_token',
    'plaid token',
    'access-(?:sandbox|development|production)-[a-f0-9]{8}-[a-f0-9-]{27}',
  ),
  prefixed('prefect_token', 'prefect token', 'pnu_[a-z0-9]{36}'),
  prefixed('readme_token', 'readme token', 'rdme_[a-z0-9]{70}'),
  prefixed('rubygems_token', 'rubygems token', 'rubygems_[a-f0-9]{48}'),
  prefixed('scalingo_token', 'scalingo token', 'tk-us-[A-Za-z0-9_-]{48}'),
  prefixed('settlemint_token', 'settlemint token', 'sm_(?:pat|sat|aat)_[A-Za-z0-9]{16}'),
  prefixed('shippo_token', 'shippo token', 'shippo_(?:live|test)_[A-Fa-f0-9]{40}'),
  prefixed(
    'yandex_key',
    'yandex key',
    'AQVN[A-Za-z0-9_-]{35,38}|t1\\.[A-Z0-9a-z_-]{10,}[=]{0,2}\\.[A-Z0-9a-z_-]{86}[=]{0,2}|YC[A-Za-z0-9_-]{38}\\b',
    looksVaried,
  ),
  prefixed('twitter_token', 'twitter token', 'A{22}[A-Za-z0-9%]{80,100}'),
  prefixed(
    'ethereum_or_bitcoin_key',
    'wallet key',
    'xprv[A-Za-z0-9]{100,112}|[5KL][1-9A-HJ-NP-Za-km-z]{50,51}\\b',
    looksLong,
  ),
  prefixed('sourcegraph_token', 'sourcegraph token', 'sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}'),
  prefixed('mapbox_token', 'mapbox token', '[ps]k\\.(?:eyJ)?[A-Za-z0-9]{60,100}\\.[A-Za-z0-9_-]{22}'),
  prefixed('jwt', 'jwt', 'ey[A-Za-z0-9_-]{10,}\\.ey[A-Za-z0-9_/-]{10,}(?:\\.[A-Za-z0-9_/-]{10,}={0,2})?'),
  prefixed('jwt_base64', 'jwt', 'ZXlK[A-Za-z0-9+/_-]{70,}={0,2}'),
];

/** A token that was issued holds digits; a word in a picture's name does not. */
function looksIssued(secret: string): boolean {
  return /\d{3}|.{60}/.test(secret) && looksVaried(secret);
}

function looksLong(secret: string): boolean {
  return secret.startsWith('xprv') || looksVaried(secret);
}

/** Credentials that their place gives away. */
const PLACES: readonly SecretRule[] = [
  {
    id: 'url_password',
    kind: 'password',
    pattern: '(?i)\\b[a-z][a-z0-9+.-]{1,30}://[^\\s:/?#@\'"<>]{0,200}:([^\\s/@\'"<>]{1,300})@[a-z0-9\\[]',
    accepts: looksGiven,
  },
  {
    id: 'azure_storage_key',
    kind: 'azure key',
    pattern: '(?i)\\b(?:account|shared)(?:access)?key\\s*=\\s*([A-Za-z0-9+/]{40,}={0,2})',
  },
  { id: 'azure_sas', kind: 'azure signature', pattern: '(?i)[?&;\\s]sig=([A-Za-z0-9%+/]{40,}(?:%3D|=)?)' },
  {
    id: 'aws_signature',
    kind: 'aws signature',
    pattern: '(?i)X-Amz-(?:Signature|Security-Token)=([A-Za-z0-9%+/=]{32,})',
  },
  {
    id: 'authorization_header',
    kind: 'authorization',
    pattern: '(?i)\\b(?:bearer|basic|token)[ \\t]+([A-Za-z0-9_.~+/-]{16,}={0,2})',
    accepts: looksRandom,
  },
  {
    id: 'authorization_header',
    kind: 'authorization',
    pattern:
      '(?i)\\bauthorization["\']?\\s*[:=]\\s*["\']?(?:(?:bearer|basic|token|apikey|digest)[ \\t]+)?["\']?([A-Za-z0-9_.~+/:-]{8,}={0,2})',
    accepts: looksGiven,
  },
  {
    id: 'curl_password',
    kind: 'password',
    pattern:
      '\\bcurl\\b(?s:.{0,400}?)\\s(?:-u|--user|--proxy-user)(?:[ =]{0,3}["\']?)[^\\s:"\']{0,100}:([^\\s"\']{3,200})',
    accepts: looksGiven,
  },
];

/** Words that say "a secret follows"; `is` counts as a sign only in the sentence rule. */
const SECRET_WORD =
  '(?:passwords?|passwd|passphrase|passwort|passcode|pwd|secrets?|tokens?|api[ _.-]?keys?|auth[ _.-]?keys?|access[ _.-]?keys?|private[ _.-]?keys?|signing[ _.-]?keys?|encryption[ _.-]?keys?|master[ _.-]?keys?|service[ _.-]?keys?|secret[ _.-]?keys?|account[ _.-]?keys?|license[ _.-]?keys?|credentials?|creds?)';
const SIGN = '(?:[:?+.!|]{0,3}={1,3}>?|:|,|=>|->|\\|\\||>)';

const ASSIGNMENTS: readonly SecretRule[] = [
  {
    id: 'password',
    kind: 'password',
    pattern: `(?i)(?:pass(?:word|wd|phrase|code|wort)s?|passwd|pwd|\\bpass)[\\w.-]{0,30}["'\`\\]]{0,2}\\)?\\s{0,4}(?::?\\s?string)?\\s{0,4}(?:[:?+.!|]{0,3}={1,3}>?|:|=>|->)\\s{0,4}(?:"([^"\\n]{3,200})"|'([^'\\n]{3,200})'|\`([^\`\\n]{3,200})\`)`,
    accepts: looksGiven,
  },
  {
    id: 'password',
    kind: 'password',
    pattern: `(?i)\\b(?:pass(?:word|wd|phrase|code|wort)?|pwd|pw)[\\w.-]{0,30}(?:["'\`]?\\s{0,4}(?:=|:|:=)\\s{0,4}|[ \\t]+(?:is|ist|was)[ \\t:]+)["'\`]?([^\\s"'\`,;]{4,200})`,
    accepts: looksLikePassword,
  },
  {
    id: 'secret',
    kind: 'secret',
    pattern: `(?i)${SECRET_WORD}[\\w.-]{0,30}["'\`\\]]{0,2}\\)?\\s{0,4}(?::?\\s?string)?\\s{0,4}${SIGN}\\s{0,4}[|>]?-?\\s{0,8}\\\\?["'\`]?([A-Za-z0-9_.+/=~!@#%^&*$-]{8,400})`,
    accepts: namedRandom,
  },
  {
    id: 'secret',
    kind: 'secret',
    pattern: `(?i)${SECRET_WORD}[\\w.-]{0,30}["'\`\\]]{0,2}\\)?\\s{0,4}(?::?\\s?string)?\\s{0,4}(?:[:?+.!|]{0,3}={1,3}>?|:|=>)\\s{0,4}(?:"([^"\\n]{6,200})"|'([^'\\n]{6,200})'|([^\\s"'\`,;<>]{8,200}))`,
    accepts: namedSymbols,
  },
  {
    id: 'secret',
    kind: 'secret',
    pattern: `([A-Za-z0-9_.+/=!@#$%^&*-]{8,200})[ \\t]+(?i:(?:is|ist|was)[ \\t]+(?:the|my|our|your|das|mein)[ \\t]+(?:[a-z]{1,20}[ \\t]+){0,2}${SECRET_WORD})`,
    accepts: looksRandom,
  },
  {
    id: 'secret',
    kind: 'secret',
    pattern: `(?i)${SECRET_WORD}["'\`]?(?:[ \\t]+(?:is|was|ist)[ \\t:]+|[ \\t]+)["'\`]?([A-Za-z0-9_.+/=~!@#%^&*$-]{12,400})`,
    accepts: looksRandom,
  },
  {
    id: 'secret',
    kind: 'secret',
    pattern: `(?i)name"?\\s{0,4}[:=]\\s{0,4}"[^"\\n]{0,60}${SECRET_WORD}[^"\\n]{0,20}"[\\s,/>]{1,20}<?"?value"?\\s{0,4}[:=]\\s{0,4}"([^"\\n]{8,300})"`,
    accepts: looksRandom,
  },
  {
    id: 'secret',
    kind: 'secret',
    pattern:
      '(?i)\\b(?:jenkins|artifactory|sonar|jira|confluence|algolia|codecov|datadog|fastly|snyk|okta|zendesk|cloudant|clou|softlayer|sumo|sl_|ibm|cos)[_ -][^\\n=:]{0,40}["\'`]?\\s{0,4}[:=]\\s{0,4}["\'`]?([A-Za-z0-9_=-]{24,100})',
    accepts: looksRandom,
  },
];

/** `credentialsId`, `token_url`: the name says that the value is something else. */
const NAMES_OTHER =
  /(?:id|ids|url|uri|name|names|length|variable|type|path|file|arn|version|count|host|endpoint|label|keying|expir[a-z]*|public[\w.-]*)["'`\]]{0,2}\)?\s{0,4}[:=,]/i;

function namedRandom(secret: string, whole: string): boolean {
  return looksRandom(secret) && !NAMES_OTHER.test(nameOf(secret, whole));
}

/** A value with signs that no word or identifier holds, or a phrase in quotes. */
function namedSymbols(secret: string, whole: string): boolean {
  return looksGiven(secret) && hasSymbols(secret) && !NAMES_OTHER.test(nameOf(secret, whole));
}

function nameOf(secret: string, whole: string): string {
  const at = whole.lastIndexOf(secret);
  return at < 0 ? whole : whole.slice(0, at);
}

/** The header of a private key; `findSecrets` extends the finding over the body. */
export const PRIVATE_KEY_RULE = 'private_key';
const KEYS: readonly SecretRule[] = [
  {
    id: PRIVATE_KEY_RULE,
    kind: 'private key',
    pattern:
      '(?i)-----BEGIN[ A-Z0-9_-]{0,80}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[23]:|"private_key"\\s{0,4}:\\s{0,4}"-----BEGIN',
  },
];

/** Vendors' formats: a prefix and an alphabet. */
export const PREFIX_RULES: readonly SecretRule[] = VENDORS;
/** Everything that its surroundings give away. */
export const OTHER_RULES: readonly SecretRule[] = [...KEYS, ...PLACES, ...ASSIGNMENTS];
/** All, in order of precedence. */
export const SECRET_RULES: readonly SecretRule[] = [...KEYS, ...VENDORS, ...PLACES, ...ASSIGNMENTS];
