/**
 * Marks every step of an execution from the outside: each statement, each transaction's beginning and end, each call of the
 * broker's hooks, each sandboxed call. Nothing in the product knows of it.
 */
import type { Broker } from '../../../src/execution/broker/broker.ts';
import type { Sandbox } from '../../../src/execution/sandbox/sandbox.ts';
import type { Database, Sql, Tx } from '../../../src/store/database.ts';

/** Told of each step before it is taken or right after. */
export type Mark = (step: string) => void;

/** "update requests": enough to tell the steps of an execution apart. */
function nameOf(statement: string): string {
  const verb = /^\s*([a-z]+)/i.exec(statement)?.[1] ?? '';
  const table = /\b(?:from|into|update)\s+([a-z_]+)/i.exec(statement)?.[1] ?? '';
  return `${verb.toLowerCase()} ${table}`.trim();
}

function markedSql(sql: Sql, mark: Mark): Sql {
  const around =
    <A extends unknown[], T>(ask: (text: string, ...rest: A) => Promise<T>) =>
    async (text: string, ...rest: A): Promise<T> => {
      mark(`before ${nameOf(text)}`);
      const answer = await ask(text, ...rest);
      mark(`after ${nameOf(text)}`);
      return answer;
    };
  return {
    query: around(sql.query.bind(sql)) as Sql['query'],
    one: around(sql.one.bind(sql)) as Sql['one'],
    maybe: around(sql.maybe.bind(sql)) as Sql['maybe'],
  };
}

export function markedDatabase(db: Database, mark: Mark): Database {
  return {
    ...markedSql(db, mark),
    async transaction(work) {
      mark('before a transaction');
      const answer = await db.transaction(async (tx) => {
        const value = await work({ ...markedSql(tx, mark), inTransaction: true } as Tx);
        mark('before a commit');
        return value;
      });
      mark('after a commit');
      return answer;
    },
    listen: db.listen.bind(db),
    withConnection: db.withConnection.bind(db),
    close: db.close.bind(db),
  };
}

export function markedBroker(broker: Broker, mark: Mark): Pick<Broker, 'open'> {
  return {
    open(spec) {
      const { hooks } = spec;
      return broker.open({
        ...spec,
        hooks: {
          async beforeWrite(call) {
            mark('before the intent');
            await hooks.beforeWrite(call);
            mark('intent committed, write not sent');
          },
          async afterCall(call) {
            mark(`answer of a ${call.effect} came, not recorded`);
            await hooks.afterCall(call);
            mark(`answer of a ${call.effect} recorded`);
          },
          refused: (refusal) => hooks.refused(refusal),
        },
      });
    },
  };
}

export function markedSandbox(sandbox: Sandbox, mark: Mark): Pick<Sandbox, 'run'> {
  return {
    async run(run) {
      mark(`before the sandboxed ${run.job.call}`);
      const outcome = await sandbox.run(run);
      mark(`after the sandboxed ${run.job.call}`);
      return outcome;
    },
  };
}
