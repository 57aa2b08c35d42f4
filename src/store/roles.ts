/** The application role: made when we may, otherwise asked for in SQL that an administrator can run. */
import pg from 'pg';
import { AppError } from '../errors.ts';
import { APP_ROLE } from './embedded/secrets.ts';

type Standing = { role_exists: boolean; may_create: boolean; login: string };

async function standing(client: pg.Client): Promise<Standing> {
  const { rows } = await client.query<Standing>(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS role_exists,
            EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolcreaterole OR rolsuper)) AS may_create,
            current_user AS login`,
    [APP_ROLE],
  );
  return rows[0]!;
}

/** Tried rather than looked up: since PostgreSQL 16 membership and the right to take a role are two things. */
async function mayTakeRole(client: pg.Client): Promise<boolean> {
  try {
    await client.query(`SET ROLE ${APP_ROLE}`);
    await client.query('RESET ROLE');
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '42501') return false;
    throw error;
  }
}

/** What an administrator runs once when our owner role may not make roles. */
export function administratorSql(login: string, needs: { create: boolean; membership: boolean }): string {
  const lines = [];
  if (needs.create)
    lines.push(`CREATE ROLE ${APP_ROLE} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;`);
  if (needs.membership) lines.push(`GRANT ${APP_ROLE} TO ${pg.escapeIdentifier(login)};`);
  return lines.join('\n');
}

/**
 * Makes sure that `countersign_app` exists and, where the owner's connections take it (`ownerTakesRole`), that they
 * may. Throws `AppError('database_roles')`, whose message holds the SQL for an administrator.
 */
export async function ensureAppRole(client: pg.Client, ownerTakesRole: boolean): Promise<void> {
  const now = await standing(client);
  const membership = ownerTakesRole && !(now.role_exists && (await mayTakeRole(client)));
  const needs = { create: !now.role_exists, membership };
  if (!needs.create && !needs.membership) return;
  const sql = administratorSql(now.login, needs);
  const words = `The database lacks the role ${APP_ROLE}, or it may not be taken. An administrator can run:\n${sql}`;
  if (!now.may_create) throw new AppError('database_roles', words);
  try {
    await client.query(sql);
  } catch (cause) {
    throw new AppError('database_roles', words, { cause });
  }
}
