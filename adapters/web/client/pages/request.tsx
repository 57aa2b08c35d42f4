/** A request's page: the card, every entry of the log about it, and how to check all that without us. */
import { CopyButton } from '@mantine/core';
import type { ProofStatus, TimelineEntry } from '../../../../src/model/ports.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { RequestCard } from '../card/card.tsx';
import { useLive } from '../live.tsx';
import { Chip, Empty, Loading, Page, Problem, Value, Verified } from '../parts.tsx';
import { fullTime } from '../words.ts';

export function RequestPage({ id }: { id: string }) {
  const { data, problem, reload } = useLive(
    `/requests/${id}`,
    (news) => news.kind === 'request' && news.request === id,
  );
  const card = data?.message.card;
  return (
    <Page
      title="Request"
      lead={<span className="mono small">{id}</span>}
      aside={data?.proof.verified === true && <Verified />}
    >
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="the request" />}
      {card && <RequestCard card={card} onPage />}
      {data && !card && <Empty title="This request has no card" />}
      {data && <Timeline entries={data.timeline} />}
      {data && <Proof id={id} digest={data.view.digest} proof={data.proof} />}
    </Page>
  );
}

function Timeline({ entries }: { entries: TimelineEntry[] }) {
  return (
    <section className="panel" aria-labelledby="timeline">
      <h2 id="timeline">What happened</h2>
      <ol className="timeline">
        {entries.map((entry) => (
          <li key={`${entry.index} ${entry.type} ${entry.time}`}>
            <div className="timeline-head">
              <strong>{legible(entry.text)}</strong>
              <time className="muted small" dateTime={entry.time}>
                {fullTime(entry.time)}
              </time>
            </div>
            <div className="timeline-proof">
              <Chip tone="neutral">{entry.type}</Chip>
              {entry.principal !== null && <span className="small">by {entry.principal}</span>}
              {entry.index === null ? (
                <span className="muted small">being put into the log</span>
              ) : (
                <span className="small mono">entry {entry.index}</span>
              )}
            </div>
            {entry.leafHash !== null && <code className="hash">{entry.leafHash}</code>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Proof({ id, digest, proof }: { id: string; digest: string; proof: ProofStatus }) {
  return (
    <section className={proof.verified ? 'panel proof-good' : 'panel proof-bad'} aria-labelledby="proof">
      <div className="panel-head">
        <h2 id="proof">Proof</h2>
        {proof.verified ? <Verified size={proof.size} /> : <Chip tone="bad">not verified</Chip>}
      </div>
      {proof.verified ? (
        <p>
          The whole log was recomputed just now: each of its entries is where its signed checkpoint says,
          these too.
        </p>
      ) : (
        <Problem text={legible(proof.problem)} />
      )}
      <dl className="pairs">
        {proof.verified && (
          <>
            <Pair label="Tree size" value={String(proof.size)} />
            <Pair label="Root" value={proof.root} />
          </>
        )}
        <Pair label="Request digest" value={digest} />
      </dl>
      {proof.verified && (
        <details>
          <summary>Signed checkpoint</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard only so */}
          <pre className="plain" tabIndex={0}>
            {proof.checkpoint}
          </pre>
        </details>
      )}
      <h3>Check it without us</h3>
      <p className="muted small">
        The evidence holds the request, who approved it and its place in the log. The second command needs no
        server.
      </p>
      <Command text={`npx countersign evidence ${id} > evidence.json`} />
      <Command text="npx countersign evidence verify evidence.json" />
    </section>
  );
}

function Pair({ label, value }: { label: string; value: string }) {
  return (
    <div className="pair">
      <dt>{label}</dt>
      <dd>
        <Value text={value} mono />
      </dd>
    </div>
  );
}

function Command({ text }: { text: string }) {
  return (
    <div className="command">
      <code>{text}</code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <button type="button" className="link-button" onClick={copy} aria-label={`Copy: ${text}`}>
            {copied ? 'Copied' : 'Copy'}
          </button>
        )}
      </CopyButton>
    </div>
  );
}
