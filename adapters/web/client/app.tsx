/** The workspace: who is asking, then the page that the address names. */
import { useEffect, useMemo, useState } from 'react';
import { apiAs, isOver, messageOf, type Person, readSession, type Session } from './api.ts';
import { dropDrafts } from './drafts.ts';
import { Frame } from './frame/frame.tsx';
import { aboutRequests, LiveProvider, useLive } from './live.tsx';
import { go, usePath } from './navigation.tsx';
import { Audit } from './pages/audit.tsx';
import { Conversation } from './pages/conversation.tsx';
import { Desk } from './pages/desk.tsx';
import { Home } from './pages/home.tsx';
import { LinkAccount } from './pages/link-account.tsx';
import { Mine, Threads, Waiting } from './pages/lists.tsx';
import { NewRequest } from './pages/new-request.tsx';
import { Operations } from './pages/operations.tsx';
import { RequestPage } from './pages/request.tsx';
import { Empty, Loading, Page, Problem } from './parts.tsx';
import { SignedOut } from './signed-out.tsx';

/** This tab's person, then the last one chosen in any tab: two tabs can be two people. */
const CHOSEN = 'countersign.person';
const remembered = () => sessionStorage.getItem(CHOSEN) ?? localStorage.getItem(CHOSEN);

function remember(id: string): void {
  sessionStorage.setItem(CHOSEN, id);
  localStorage.setItem(CHOSEN, id);
}

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [chosen, setChosen] = useState(remembered);
  useEffect(() => {
    readSession().then(
      (found) => {
        // Whoever signed in before in this tab keeps nothing here.
        if (found.csrf !== undefined) dropDrafts(found.startAs);
        setSession(found);
      },
      (error: unknown) => {
        // It ended while the page was loading: nothing is typed yet.
        if (isOver(error)) location.reload();
        setProblem(messageOf(error));
      },
    );
  }, []);
  if (problem !== null) {
    return (
      <main className="alone">
        <h1>Countersign</h1>
        <Problem text={problem} retry={() => location.reload()} />
      </main>
    );
  }
  if (session === null) {
    return (
      <main className="alone">
        <Loading what="Countersign" />
      </main>
    );
  }
  const { people, startAs } = session;
  const me = people.find(({ id }) => id === chosen) ?? people.find(({ id }) => id === startAs) ?? people[0];
  if (me === undefined) {
    return (
      <main className="alone">
        <Empty title="Nobody is in the directory">Add people to its file, and start again.</Empty>
      </main>
    );
  }
  // From here on this tab is this person, whoever is chosen in another one.
  sessionStorage.setItem(CHOSEN, me.id);
  const choose = (id: string) => {
    remember(id);
    setChosen(id);
    // A conversation belongs to one person; every other page is there for the next one too.
    if (location.pathname.startsWith('/threads/')) go('/');
  };
  return <AsPerson key={me.id} me={me} session={session} choose={choose} />;
}

function AsPerson({ me, session, choose }: { me: Person; session: Session; choose(id: string): void }) {
  const [isSignedOut, setSignedOut] = useState(false);
  const path = usePath();
  const api = useMemo(() => apiAs(me.id, session.csrf, () => setSignedOut(true)), [me.id, session.csrf]);
  return (
    <LiveProvider api={api}>
      <Workspace me={me} session={session} choose={choose} />
      {isSignedOut && <SignedOut path={path} />}
    </LiveProvider>
  );
}

function Workspace({ me, session, choose }: { me: Person; session: Session; choose(id: string): void }) {
  const path = usePath();
  const waiting = useLive('/waiting', (news) => aboutRequests(news) || news.kind === 'thread');
  const threads = useLive('/threads', (news) => news.kind === 'thread');
  const count = waiting.data?.length ?? 0;
  const [room = '', name = ''] = path.split('/').slice(1).map(decodedOrEmpty);

  useEffect(() => {
    const title = TITLES[room] ?? 'Countersign';
    document.title = `${count > 0 ? `(${count}) ` : ''}${title === 'Countersign' ? title : `${title} · Countersign`}`;
  }, [count, room]);

  const page = () => {
    if (path === '/') return <Home me={me} waiting={count} />;
    if (room === 'threads' && name !== '') return <Conversation key={name} thread={name} />;
    if (room === 'threads') return <Threads threads={threads} />;
    if (room === 'waiting') return <Waiting waiting={waiting} />;
    if (room === 'mine') return <Mine />;
    if (room === 'requests' && name !== '') return <RequestPage key={name} id={name} />;
    if (room === 'new' && name !== '') return <NewRequest key={name} action={name} />;
    if (room === 'desk') return <Desk />;
    if (room === 'audit') return <Audit />;
    if (room === 'operations') return <Operations />;
    if (room === 'link' && session.links === true) return <LinkAccount />;
    return (
      <Page title="Not here">
        <Empty title="There is no such page" />
      </Page>
    );
  };
  return (
    <Frame
      path={path}
      me={me}
      people={session.people}
      choose={choose}
      waiting={count}
      threads={threads.data ?? []}
      desk={session.desk}
      isSignedIn={session.csrf !== undefined}
      links={session.links === true}
    >
      {page()}
    </Frame>
  );
}

const TITLES: Record<string, string> = {
  threads: 'Conversation',
  waiting: 'Waiting for you',
  mine: 'My requests',
  requests: 'Request',
  new: 'New request',
  desk: 'Desk',
  audit: 'Audit log',
  operations: 'Operations',
  link: 'Link a chat account',
};

function decodedOrEmpty(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not well formed: no page has that address.
    return '';
  }
}
