/** What people said looks wrong, for whoever may read the log. Reading it is itself an entry, so it is read only when asked to. */
import { Button } from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import type { ReportRow } from '../../../../src/model/ports.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { Failure, messageOf } from '../api.ts';
import { useWorkspace } from '../live.tsx';
import { Link } from '../navigation.tsx';
import { Ago, Loading, Problem, Value } from '../parts.tsx';

export function Reports() {
  const { api } = useWorkspace();
  const [reports, setReports] = useState<ReportRow[] | null>(null);
  const [failure, setFailure] = useState<{ code: string; text: string } | null>(null);
  const load = useCallback(async () => {
    setFailure(null);
    try {
      setReports(await api.read('/reports'));
    } catch (error) {
      setFailure({ code: error instanceof Failure ? error.code : 'defect', text: messageOf(error) });
    }
  }, [api]);
  useEffect(() => {
    setReports(null);
    void load();
  }, [load]);
  if (failure?.code === 'not_allowed') return null;
  return (
    <section className="panel" aria-labelledby="reports">
      <h2 id="reports">Reports</h2>
      {failure !== null && <Problem text={failure.text} retry={() => void load()} />}
      {reports === null && failure === null && <Loading what="what was reported" />}
      {reports?.length === 0 && <p className="muted">Nobody has reported anything.</p>}
      <ul className="rows">
        {reports?.map((report) => (
          <Report key={report.id} report={report} />
        ))}
      </ul>
      <Button variant="default" size="compact-sm" onClick={() => void load()}>
        Look again
      </Button>
    </section>
  );
}

function Report({ report: { by, time, request, named, words } }: { report: ReportRow }) {
  return (
    <li className="row">
      <span className="row-main">
        <span className="row-title">
          {words === null ? (
            <span className="muted">Erased</span>
          ) : (
            <Value text={words === '' ? 'Without words' : words} />
          )}
        </span>
        <span className="muted small">
          {legible(by.name)} ({legible(by.id)}), <Ago at={time} />
          {named !== null && `, of a request that was not found: ${legible(named)}`}
        </span>
      </span>
      {request !== null && <Link to={`/requests/${request}`}>Open request</Link>}
    </li>
  );
}
