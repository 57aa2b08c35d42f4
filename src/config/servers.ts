/** The servers that we lean on ourselves: the database, and the language model. */
import { type Environment, type Secret, serverUrl, urlOf } from './environment.ts';
import { configInvalid } from './invalid.ts';

export type DatabaseConfig = { url: string; ownerUrl: string | null };
export type ModelConfig = { apiKey: string; baseUrl: string | null; name: string };

/** Null: the embedded server. */
export function databaseOf(secret: Secret): DatabaseConfig | null {
  const protocols = ['postgres:', 'postgresql:'];
  const url = serverUrl('DATABASE_URL', secret, protocols);
  const ownerUrl = serverUrl('DATABASE_OWNER_URL', secret, protocols);
  if (url !== null) return { url, ownerUrl };
  return ownerUrl === null
    ? null
    : configInvalid('DATABASE_URL is missing: DATABASE_OWNER_URL is given without it.');
}

/** Null: typed commands and the offline planner. */
export function modelOf(secret: Secret, env: Environment): ModelConfig | null {
  const apiKey = secret('OPENAI_API_KEY');
  const name = env.OPENAI_MODEL;
  if (apiKey === null) {
    if (env.OPENAI_BASE_URL || name)
      return configInvalid('OPENAI_API_KEY is missing: a model is configured without it.');
    return null;
  }
  if (!name) return configInvalid('OPENAI_MODEL is missing: name a pinned snapshot of the model.');
  return { apiKey, name, baseUrl: urlOf('OPENAI_BASE_URL', env.OPENAI_BASE_URL)?.href ?? null };
}
