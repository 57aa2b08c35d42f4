/** Linking a chat account to oneself: a code goes out, an account comes back with it, and a yes here makes it a link. */
import { Button, CopyButton } from '@mantine/core';
import { useState } from 'react';
import type { ChatAccount, LinkPage, LinkShown } from '../../../../src/model/links.ts';
import { useLive, useWorkspace } from '../live.tsx';
import { Ago, Chip, Loading, Page, Problem, Value } from '../parts.tsx';
import { usePress } from '../press.ts';

export function LinkAccount() {
  const { data, problem, reload } = useLive('/links', (news) => news.kind === 'links');
  return (
    <Page
      title="Link a chat account"
      lead="An account in Slack or Teams that the directory does not know yet can speak for you, once you say here that it is yours."
    >
      {problem !== null && <Problem text={problem} retry={reload} />}
      {data === null && problem === null && <Loading what="your accounts" />}
      {data?.asking && <Question key={data.asking.id} asking={data.asking} done={reload} />}
      {data && data.asking === null && <Code waiting={data.waiting} />}
      {data && <Linked links={data.links} done={reload} />}
    </Page>
  );
}

function Code({ waiting }: { waiting: LinkPage['waiting'] }) {
  const { api } = useWorkspace();
  const [code, setCode] = useState<string | null>(null);
  const { isBusy, problem, press } = usePress();
  const isShown = code !== null && waiting !== null;
  return (
    <section className="panel" aria-labelledby="code">
      <h2 id="code">1. Send a code</h2>
      {isShown && waiting !== null ? (
        <>
          <p>
            Send this to Countersign as a direct message, from the account that you want to link. It holds
            once, and ends <Ago at={waiting.expiresAt} />.
          </p>
          <div className="command">
            <code>{`link ${code}`}</code>
            <CopyButton value={`link ${code}`}>
              {({ copied, copy }) => (
                <button type="button" className="link-button" onClick={copy}>
                  {copied ? 'Copied' : 'Copy'}
                </button>
              )}
            </CopyButton>
          </div>
          <p className="muted" role="status">
            Then this page asks you whether the account that sent it is yours. Give the code to nobody.
          </p>
        </>
      ) : (
        <p className="muted">
          {waiting === null
            ? 'You get a code that holds for ten minutes, and send it from the other account.'
            : 'There is a code of yours that was not sent yet. A new one takes its place.'}
        </p>
      )}
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button
          variant={isShown ? 'default' : 'filled'}
          loading={isBusy}
          onClick={() => press(async () => setCode((await api.newLinkCode()).code))}
        >
          {isShown ? 'Get another code' : 'Get a code'}
        </Button>
      </div>
    </section>
  );
}

function Question({ asking, done }: { asking: NonNullable<LinkPage['asking']>; done(): void }) {
  const { api } = useWorkspace();
  const { isBusy, problem, press } = usePress();
  const answer = (yes: boolean) =>
    press(async () => {
      await api.answerLink(asking.id, yes);
      done();
    });
  return (
    <section className="panel" aria-labelledby="question" role="alert">
      <h2 id="question">2. Is this account yours?</h2>
      <p>
        It sent your code. Say yes only if you sent it yourself: whoever uses this account then speaks, asks
        and approves as you. The question ends <Ago at={asking.expiresAt} />.
      </p>
      <AccountPairs account={asking.account} name={asking.name} />
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button loading={isBusy} onClick={() => answer(true)}>
          Yes, link it to me
        </Button>
        <Button variant="default" color="red" disabled={isBusy} onClick={() => answer(false)}>
          No, it is not mine
        </Button>
      </div>
    </section>
  );
}

function Linked({ links, done }: { links: LinkShown[]; done(): void }) {
  const { api } = useWorkspace();
  const { isBusy, problem, press } = usePress();
  return (
    <section className="panel" aria-labelledby="linked">
      <h2 id="linked">Accounts that you linked</h2>
      {links.length === 0 && (
        <p className="muted">None. Accounts that your operators linked to you do not stand here.</p>
      )}
      {problem !== null && <Problem text={problem} />}
      <ul className="rows">
        {links.map((link) => (
          <li key={link.id} className="row linked">
            <div className="row-main">
              <AccountPairs account={link.account} name={link.name} />
              <span className="muted small">
                linked <Ago at={link.linkedAt} />
              </span>
            </div>
            {!link.counts && <Chip tone="warn">the directory says otherwise</Chip>}
            <Button
              variant="default"
              size="compact-md"
              loading={isBusy}
              aria-label={`Unlink ${platformOf(link.account)}, ${link.account.user}`}
              onClick={() =>
                press(async () => {
                  await api.removeLink(link.id);
                  done();
                })
              }
            >
              Unlink
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const platformOf = ({ platform }: ChatAccount): string => (platform === 'slack' ? 'Slack' : 'Teams');

/** Every id of it; its name is the platform's word, and proves nothing. */
function AccountPairs({ account, name }: { account: ChatAccount; name: string }) {
  const platform = platformOf(account);
  const ids: [string, string][] =
    account.platform === 'slack'
      ? [
          ...(account.enterprise === null
            ? []
            : [['Slack organisation', account.enterprise] as [string, string]]),
          ['Slack workspace', account.team],
          ['User', account.user],
        ]
      : [
          ['Teams tenant', account.tenant],
          ['User', account.user],
        ];
  return (
    <dl className="pairs">
      {ids.map(([label, id]) => (
        <div key={label} className="pair">
          <dt>{label}</dt>
          <dd>
            <Value text={id} mono />
          </dd>
        </div>
      ))}
      <div className="pair">
        <dt>Its name, says {platform}</dt>
        <dd>
          <Value text={name} />
        </dd>
      </div>
    </dl>
  );
}
