/** The audit log, newest first. Reading it is itself an entry, so this page reads only when asked to. */
import { Button } from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import type { AuditRow } from '../../../../src/model/ports.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { Failure, messageOf } from '../api.ts';
import { useWorkspace } from '../live.tsx';
import { Link } from '../navigation.tsx';
import { Empty, Loading, Page, Problem } from '../parts.tsx';
import { fullTime } from '../words.ts';

type Rows = { rows: AuditRow[]; hasMore: boolean };

export function Audit() {
  const { api } = useWorkspace();
  const [shown, setShown] = useState<Rows | null>(null);
  const [failure, setFailure] = useState<{ code: string; text: string } | null>(null);
  const [isBusy, setBusy] = useState(false);

  const load = useCallback(
    async (earlier: AuditRow[]) => {
      setBusy(true);
      setFailure(null);
      const last = earlier.at(-1);
      try {
        const page = await api.read(`/audit${last === undefined ? '' : `?before=${last.index}`}`);
        setShown({ rows: [...earlier, ...page.rows], hasMore: page.rows.length === page.limit });
      } catch (error) {
        setFailure({ code: error instanceof Failure ? error.code : 'defect', text: messageOf(error) });
      } finally {
        setBusy(false);
      }
    },
    [api],
  );
  useEffect(() => {
    setShown(null);
    void load([]);
  }, [load]);

  const isForbidden = failure?.code === 'not_allowed';
  return (
    <Page
      wide
      title="Audit log"
      lead="Every step, in order, chained and signed. Reading it is an entry too."
      aside={
        <Button variant="default" onClick={() => void load([])} loading={isBusy} disabled={isForbidden}>
          Refresh
        </Button>
      }
    >
      {isForbidden && (
        <Empty title="This log is not yours to read">
          {failure.text} In local mode, switch to an operator such as erin.
        </Empty>
      )}
      {failure && !isForbidden && <Problem text={failure.text} retry={() => void load(shown?.rows ?? [])} />}
      {shown === null && failure === null && <Loading what="the log" />}
      {shown && <LogTable rows={shown.rows} />}
      {shown?.hasMore && (
        <Button variant="default" onClick={() => void load(shown.rows)} loading={isBusy}>
          Show older entries
        </Button>
      )}
    </Page>
  );
}

function LogTable({ rows }: { rows: AuditRow[] }) {
  return (
    <table className="log">
      <caption className="visually-hidden">Entries of the audit log, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col">What</th>
          <th scope="col">Who</th>
          <th scope="col">When</th>
          <th scope="col">Request</th>
          <th scope="col">Leaf hash</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.index}>
            <td data-label="Entry" className="mono">
              {row.index}
            </td>
            <td data-label="What" className="log-what">
              <span>{legible(row.text)}</span>
              <span className="muted small mono">{row.type}</span>
            </td>
            <td data-label="Who">{row.principal ?? '–'}</td>
            <td data-label="When" className="small">
              <time dateTime={row.time}>{fullTime(row.time)}</time>
            </td>
            <td data-label="Request">
              {row.request === null ? (
                '–'
              ) : (
                <Link to={`/requests/${row.request}`} className="mono small">
                  {row.request.slice(0, 8)}
                </Link>
              )}
            </td>
            <td data-label="Leaf hash">
              <code className="hash">{row.leafHash}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
