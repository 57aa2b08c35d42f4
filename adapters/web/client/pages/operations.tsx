/** How Countersign itself is: checks, isolation, switches, counts. */
import type { Operations as State } from '../../../../src/model/ports.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { useLive } from '../live.tsx';
import { Ago, Chip, Loading, Page, Problem } from '../parts.tsx';
import { Reports } from './reports.tsx';

export function Operations() {
  const { data, problem, reload } = useLive('/operations', () => true);
  return (
    <Page title="Operations" lead="What runs, what waits, and what is switched off.">
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="the state" />}
      {data && <Counts counts={data.counts} />}
      {data && <Switches switches={data.switches} />}
      {data && <Checks state={data} />}
      <Reports />
    </Page>
  );
}

function Counts({ counts }: { counts: State['counts'] }) {
  const list = [
    ['Waiting for people', counts.waiting],
    ['Running now', counts.executing],
    ['Unclear, need a look', counts.unknown],
  ] as const;
  return (
    <dl className="counts">
      {list.map(([label, count]) => (
        <div key={label} className="count">
          <dd>{count.toLocaleString('en')}</dd>
          <dt>{label}</dt>
        </div>
      ))}
    </dl>
  );
}

function Switches({ switches }: { switches: State['switches'] }) {
  return (
    <section className="panel" aria-labelledby="switches">
      <h2 id="switches">Kill switches</h2>
      {switches.length === 0 && <p className="muted">None is on: everything that policy permits may run.</p>}
      <ul className="rows">
        {switches.map(({ scope, reason, since, by }) => (
          <li key={scope} className="row">
            <span className="row-main">
              <span className="row-title">{legible(scope)}</span>
              <span className="muted small">
                {legible(reason)} – {legible(by)}, <Ago at={since} />
              </span>
            </span>
            <Chip tone="bad">stopped</Chip>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Checks({ state }: { state: State }) {
  return (
    <section className="panel" aria-labelledby="checks">
      <h2 id="checks">Checks</h2>
      <ul className="rows">
        {state.checks.map(({ name, ok, code }) => (
          <li key={name} className="row">
            <span className="row-title">{legible(name)}</span>
            {!ok && <span className="mono small muted">{code}</span>}
            <Chip tone={ok ? 'good' : 'bad'}>{ok ? 'good' : 'needs a look'}</Chip>
          </li>
        ))}
        <li className="row">
          <span className="row-title">isolation of what runs</span>
          <Chip tone={state.isolation.startsWith('kernel') ? 'good' : 'warn'}>
            {legible(state.isolation)}
          </Chip>
        </li>
        <li className="row">
          <span className="row-title">planner</span>
          <Chip tone="neutral">{legible(state.planner)}</Chip>
        </li>
      </ul>
    </section>
  );
}
