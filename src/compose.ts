/**
 * Puts the serving process together: the one place that knows every concrete part. Nothing here decides anything; what
 * orders the steps of a message is the pipeline.
 */
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { createAnnouncing } from './announcing.ts';
import { findRequest } from './approval/requests.ts';
import { createAssistant } from './assistant.ts';
import { CHECKPOINT_FILE, createCheckpointFile, readCheckpointFile } from './audit/checkpoint-file.ts';
import { untilCovered } from './audit/cover.ts';
import { createSequencer } from './audit/sequencer.ts';
import {
  type BuiltIns,
  createBuiltIns,
  jobsOf,
  repositoriesOf,
  runbooksOf,
  servesJobs,
} from './built-ins.ts';
import { createCheckpointPosting } from './checkpoint-posting.ts';
import type { Config } from './config.ts';
import { createConnecting } from './connecting.ts';
import { counted, refreshGauges, timed } from './counting.ts';
import { createCredentialNews } from './credential-news.ts';
import { createCredentials } from './credentials/credentials.ts';
import { createVault } from './credentials/vault.ts';
import { delegate } from './delegating.ts';
import { changeInWords, describe } from './describing.ts';
import { noteEnd, takeBackDue } from './ending.ts';
import { AppError } from './errors.ts';
import { verifyEvidence } from './evidence-gate.ts';
import { createBroker } from './execution/broker/broker.ts';
import { createExecutor, type ExecutorDeps } from './execution/executor.ts';
import { createIsolation, type Isolation, sandboxInForce } from './execution/isolation.ts';
import { leastLevel } from './execution/levels.ts';
import { runObstacle } from './execution/run-obstacle.ts';
import { type Bundle, bundleOperations } from './execution/sandbox/bundle.ts';
import { runJob } from './execution/sandbox/job.ts';
import { type Established, establishJobLevel, establishLevel } from './execution/sandbox/probe.ts';
import { createSandbox } from './execution/sandbox/sandbox.ts';
import { prepareOutside } from './foreign/outside.ts';
import { type House, loadRules, openHouse, type Rules } from './house.ts';
import { createAdmission } from './intake/admission.ts';
import { createIsolationWatch } from './isolation-watch.ts';
import { createJudging } from './judging.ts';
import { moveKillSwitch, unknownScope } from './killing.ts';
import { listInWords } from './listing.ts';
import { errorFields, type Log } from './log.ts';
import { createToolWatch, newsInWords, unreviewedInWords } from './mcp/watch.ts';
import { createMetrics } from './metrics.ts';
import type { Delivered, Message } from './model/card.ts';
import type { ExecutionId, PrincipalId, RequestId } from './model/ids.ts';
import type { ChatAssistant, Planner, Surface, WorkspaceAssistant } from './model/ports.ts';
import type { Platform, Principal } from './model/principal.ts';
import type { IsolationLevel } from './model/request.ts';
import { askApprovers, type OutreachDeps, passOnToOperators, tellOperators } from './operators.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { withEveryAction } from './planner/every-action.ts';
import { formOf, parseForm } from './planner/form.ts';
import { offlinePlanner } from './planner/offline.ts';
import { openAIPlanner } from './planner/openai.ts';
import { plannerTool } from './planner/schema.ts';
import { policyChanges } from './policy/changes.ts';
import { createProving } from './proving.ts';
import { checkReach, onCallInWords, onCallOf } from './reach-config.ts';
import { createReaching } from './reaching.ts';
import { createReadiness } from './readiness.ts';
import { createRendering } from './rendering.ts';
import { createDelivery } from './reply/deliver.ts';
import { findSecrets, maskSecrets } from './screening/secrets.ts';
import { cleanText } from './screening/text.ts';
import type { Check } from './server.ts';
import { createSenders, startWorkers } from './workers.ts';

/** Keyed marks are made under a key of their own: a mark proves that this installation made it. */
const MARK_LABEL = 'countersign/execution-mark/v1';
const MARK_HEX_DIGITS = 32;
/** How long an execution waits for its approvals to be covered by a signed checkpoint. */
const COVERED_WITHIN_MS = 10_000;
/** A final card waits this long for the signed checkpoint that its short proof names. */
const PROOF_WITHIN_MS = 2_000;
export type Running = {
  assistant: ChatAssistant & WorkspaceAssistant;
  pipeline: Pipeline;
  house: House;
  rules: Rules;
  /** As it was at the start; the level in force is one of the checks. */
  isolation: Established;
  planner: Planner;
  desk: BuiltIns['desk'];
  metrics: ReturnType<typeof createMetrics>;
  checks(): Promise<Check[]>;
  refreshMetrics(): Promise<void>;
  /** A request's card as this person sees it, at `shownAt` or anywhere; null where it is not for them: quick, without its proof. */
  viewRequest(request: RequestId, viewer: PrincipalId, shownAt: Delivered | null): Promise<Message | null>;
  /** Adds a platform's way out. */
  addSurface(surface: Surface): void;
  /** Begins to take work; adapters are in place by now, and need not be connected. */
  start(): Promise<void>;
  /**
   * Connects a platform, and tells its operators what they must know of this start. One that is down is tried again in the
   * background. Errors: `config_invalid`, where only an operator can mend it.
   */
  connect(platform: Platform, start: () => Promise<void>): Promise<void>;
  /** Reads people and policies again; a refusal leaves in force what was. */
  reload(): Promise<void>;
  stop(): Promise<void>;
};

/** Where links to request pages point; null where the pages are off. */
export type Links = (request: RequestId) => string | null;

/** For tests of levels, and of how they change. */
export type ComposeOptions = {
  /** Begins the self-attack at a weaker level than the machine could reach. */
  strongest?: IsolationLevel;
  /** Bubblewrap's program, where it is not where systems put it. */
  bubblewrap?: string;
  /** How often the self-attack is repeated. */
  attackEveryMs?: number;
};

export async function compose(
  config: Config,
  log: Log,
  linkTo: Links,
  options: ComposeOptions = {},
): Promise<Running> {
  const outside = await prepareOutside(config.actions, config);
  const rules = loadRules(config, outside.serves);
  checkReach(config.reach, rules.directory.current);
  const house = await openHouse(
    config,
    {
      info: (words) => log.info({}, words),
      // A platform that refuses us is told of once, and not at every message that waits for it.
      error: (error, words) =>
        error instanceof AppError && error.code === 'config_invalid'
          ? log.info({ code: error.code }, words)
          : log.error(errorFields(error), words),
    },
    { works: true, migrates: true },
  );
  const { storage, keys, audit } = house;
  const { db, queue, ephemeral } = storage;
  const { directory, catalogue } = rules;
  const metrics = createMetrics();
  const send = createSenders(queue);
  const surfaces = new Map<Platform, Surface>();
  const deliverer = { deliver: send.deliver };

  const titleOfGroup = (id: string): string =>
    directory.current.groups.find((group) => group.id === id)?.title ?? id;
  const nameOf = (id: PrincipalId): string =>
    directory.current.people.find((person) => person.id === id)?.name ?? id;
  const titleOf = (action: string): string => catalogue.governed(action)?.action.title ?? action;
  const defect = (error: unknown, about: object): void => {
    metrics.defects.inc();
    log.error({ ...about, ...errorFields(error) }, 'something failed that should not');
  };

  const { attackEveryMs, ...levels } = options;
  const [established, establishedForJobs, bundles] = await Promise.all([
    establishLevel(levels),
    servesJobs(config) ? establishJobLevel(levels) : null,
    bundleOperations({
      modules: [...new Map(catalogue.all().map(({ connector }) => [connector.name, connector]))].flatMap(
        ([name, { module }]) => (outside.bundles.has(name) ? [] : [{ name, module }]),
      ),
    }),
  ]);
  const isolation = createIsolation(established.level, (signal) => establishLevel({ ...levels, signal }));
  /** Jobs are launched in another way, which is attacked by itself; null where none can be asked for. */
  const jobIsolation =
    establishedForJobs &&
    createIsolation(establishedForJobs.level, (signal) => establishJobLevel({ ...levels, signal }));
  const means = levels.bubblewrap === undefined ? {} : { bubblewrap: levels.bubblewrap };
  const sandbox = sandboxInForce(isolation, (level) => createSandbox({ level, ...means }));
  const isolationNow = () => ({ level: isolation.now(), acceptProcess: config.acceptProcess });
  const bundleOf = (connector: string): Bundle => (outside.bundles.get(connector) ?? bundles.get(connector))!;

  const builtIns = createBuiltIns({
    db,
    jobs: jobsOf(config),
    runbooks: runbooksOf(config),
    repositories: await repositoriesOf(config),
    enqueueRun: send.run,
    runJob: (job) => runJob({ ...job, ...means, level: (jobIsolation ?? isolation).now() }),
    obstacle: (key) =>
      runObstacle(db, key as ExecutionId, {
        ...isolationNow(),
        level: (jobIsolation ?? isolation).now(),
      }),
    failed: (error) => defect(error, { name: 'runner' }),
  });
  const credentialNews = createCredentialNews({
    db,
    audit,
    log,
    tell: (text) => tellOperators(operators, text),
    failed: (code) => metrics.credentialFailures.inc({ code }),
    defect: (error) => defect(error, { name: 'credentials' }),
  });
  const vault =
    config.vault === null ? null : createVault(config.vault, { failed: credentialNews.vaultFailed });
  const credentials = createCredentials(config.credentials, { vault, news: credentialNews.hear });
  const broker = createBroker({
    upstreams: config.upstreams,
    credentials,
    builtIns: builtIns.hosts,
    scan: (text) => findSecrets(text)[0]?.type ?? null,
  });

  const stopping = new AbortController();
  const judging = createJudging({
    policy: rules.policy,
    directory,
    now: () => new Date(),
    timeZone: config.timeZone,
    candidates: catalogue.candidates,
  });
  const onCall = onCallOf(config.reach);
  const now = () => new Date();
  const operators: OutreachDeps = {
    db,
    surfaces: () => [...surfaces.values()],
    deliverer,
    untold: ({ code }, platform) => log.info({ platform, code }, 'operators cannot be told there yet'),
  };
  const asking = { ...operators, judging, titleOf, nameOf };
  const reaching = createReaching({
    ...asking,
    audit,
    onCall,
    routes: config.reach.routes,
    now,
    queueStep: send.remind,
    queueAsking: send.ask,
    troubled: (error, what) =>
      log.warn({ name: what, ...errorFields(error) }, 'a schedule or platform cannot be asked'),
  });
  const announcing = createAnnouncing({
    ...deliverer,
    audit,
    titleOf,
    nameOf,
    titleOfGroup,
    queueExecution: send.execute,
    queueExpiry: send.expire,
    queueAsking: async (tx, request) => {
      await reaching.begin(tx, request);
      await send.ask(tx, request);
    },
    queueRefresh: send.refresh,
    queueUndoEnd: async (tx, { id, action }) => {
      const undo = catalogue.governed(action)?.action.undo;
      if (undo) await send.undoEnd(tx, id, undo.withinSeconds);
    },
    alarm(request, { code, message }) {
      log.error({ request: request.id, code }, 'an approved request is not what its evidence says');
      tellOperators(operators, `Request ${request.id} was stopped (${code}). ${message}`).catch(
        (error: unknown) => defect(error, { request: request.id, code }),
      );
    },
  });
  const markOf = (execution: string): string =>
    createHmac('sha256', keys.macKey)
      .update(`${MARK_LABEL}\n${execution}`)
      .digest('hex')
      .slice(0, MARK_HEX_DIGITS);

  const toolWatch = createToolWatch(rules.tools, {
    db,
    async record(tx, news) {
      await audit.append(tx, { type: 'alert.raised', data: { code: 'tool_changed', ...news } });
    },
    changed(news) {
      log.error({ ...news, code: 'tool_changed' }, 'a tool of an MCP server is not what was reviewed');
      tellOperators(operators, newsInWords(news)).catch((error: unknown) => defect(error, { name: 'mcp' }));
    },
  });
  const executorDeps: ExecutorDeps = {
    db,
    audit,
    broker,
    sandbox,
    bundleOf,
    mask: (text) => maskSecrets(text).text,
    troubled: (about) => log.warn(about, 'a sandboxed call ended without its answer'),
    alarmed: ({ request, code, message }) => {
      log.error({ request, code }, message);
      tellOperators(operators, message).catch((error: unknown) => defect(error, { request, code }));
    },
    isolation: isolationNow,
    governed: catalogue.governed,
    nameOf: async (id) => nameOf(id),
    markOf,
    find: findRequest,
    verifyEvidence: (request, signal) =>
      verifyEvidence(
        {
          db,
          untilCovered: async (entryIds, abort) => {
            await untilCovered({ db, entryIds, timeoutMs: COVERED_WITHIN_MS, signal: abort });
          },
        },
        request,
        signal,
      ),
    async permittedNow(tx, request) {
      const now = await pipeline.permittedNow(tx, request);
      return { ...now, obstacle: now.obstacle ?? (await toolWatch.obstacle(tx, request.action)) };
    },
    stop: announcing.stopped,
    started: (tx, request, claim, evidence) => announcing.started(tx, request, claim, claim.level, evidence),
    async finished(tx, request, state, result) {
      metrics.executions.inc({ action: request.action, state });
      await noteEnd(tx, catalogue, request, state);
      await announcing.finished(tx, request, state, result);
    },
    progressed: (request) => announcing.progressed(db, request),
    lookAgain: send.follow,
  };
  const executor = toolWatch.watched(createExecutor(executorDeps));

  const chosenPlanner: Planner = config.model
    ? openAIPlanner({
        client: {
          apiKey: config.model.apiKey,
          ...(config.model.baseUrl === null ? {} : { baseURL: config.model.baseUrl }),
        },
        model: config.model.name,
        clean: (text) => cleanText(maskSecrets(text).text),
      })
    : offlinePlanner();
  const planner = withEveryAction(
    chosenPlanner,
    catalogue.all().map(({ action }) => plannerTool(action)),
  );
  const usableBy = (person: Principal) => {
    const usable = new Set(judging.possible(person));
    return catalogue.all().filter(({ action }) => usable.has(action.name));
  };
  const formFor = (action: string, filled: Record<string, unknown>) => {
    const governed = catalogue.governed(action);
    return governed && formOf(governed.action, filled);
  };

  const pipeline: Pipeline = createPipeline({
    ...deliverer,
    db,
    audit,
    directory,
    judging,
    planner,
    ephemeral,
    limits: config.limits,
    executor,
    announcing,
    governed: catalogue.governed,
    bundleOf,
    isolation: isolationNow,
    toolsFor: (person) => usableBy(person).map(({ action }) => plannerTool(action)),
    formFor,
    directPlaces: reaching.directPlaces,
    readers: async () => (await directory.people()).filter((person) => judging.may(person, 'readAudit')),
    titleOf,
    tellOperators: (tx, text, words, by) => {
      log.warn({}, 'somebody reported that something looks wrong');
      return passOnToOperators(tx, operators, text, words, by);
    },
    readForm: (action, values) => {
      const governed = catalogue.governed(action);
      return governed ? parseForm(governed.action, values) : { ok: false, problems: [] };
    },
    kill: async (to, command, by) => {
      const known = {
        actions: catalogue.all().map(({ action }) => action.name),
        connectors: catalogue.all().map(({ connector }) => connector.name),
        people: directory.current.people.map((person) => person.id),
      };
      // Off lifts what is there, whatever it names; a typing error in on would stop nothing and look as if it did.
      const problem = to === 'on' ? unknownScope(command.scope, known) : null;
      if (problem !== null) return problem;
      return moveKillSwitch(
        { db, audit, announcing },
        to,
        command.scope,
        { name: by.id, principal: by.id },
        command.reason,
      );
    },
    mask: (text) => cleanText(maskSecrets(text).text),
    stopping: stopping.signal,
    list: (kind, person) => listInWords(assistant, kind, person),
    delegate: (command, by) =>
      delegate(
        { ...asking, audit, directory, reaching, queueAsking: send.ask },
        by,
        command.request,
        command.to,
      ),
    onCall: (schedule) => onCallInWords(onCall, schedule, now(), nameOf),
    nameOf,
    surface: (platform) => surfaces.get(platform) ?? null,
    decided: (decision, outcome) => metrics.decisions.inc({ decision, outcome }),
    defect,
  });

  const rendering = createRendering({
    db,
    governed: catalogue.governed,
    untilCovered: async (entry) => {
      await untilCovered({ db, entryIds: [entry], timeoutMs: PROOF_WITHIN_MS });
    },
    judging,
    personById: (id) => directory.byId(id),
    nameOf,
    titleOfGroup,
    titleOf,
    systemOf: ({ action, connector }) => {
      const governed = catalogue.governed(action);
      return governed?.connector.name === connector ? governed.connector.title(governed.settings) : connector;
    },
    argumentOrder: (action) => Object.keys(catalogue.governed(action)?.action.input.shape ?? {}),
    leastIsolation: ({ risk, obligations }) =>
      leastLevel(risk, obligations, { process: config.acceptProcess }),
    linkTo,
  });

  const checkpoints = await createCheckpointFile(join(config.dataFolder, CHECKPOINT_FILE));
  const connecting = createConnecting({ log, defect });
  const delivery = createDelivery({
    db,
    surface: (platform) => surfaces.get(platform) ?? null,
    render: (message) => rendering.forPlace(message),
    putOff: (what, afterSeconds) => db.transaction((tx) => send.deliverLater(tx, what, afterSeconds)),
    heard: connecting.heard,
    gaveUp: ({ message, code, cause }) =>
      log.error({ message, ...errorFields(cause), code }, 'a message cannot be delivered'),
  });
  const checkpointPosting = createCheckpointPosting({
    ...operators,
    show: delivery,
    log,
    defect: (error) => defect(error, { name: 'checkpoint' }),
  });
  const watchOf = (of: 'actions' | 'jobs', watched: Isolation) =>
    createIsolationWatch({
      ...operators,
      audit,
      of,
      isolation: watched,
      log,
      defect: (error) => defect(error, { name: 'isolation', of }),
      everyMs: attackEveryMs,
    });
  const isolationWatches = [
    watchOf('actions', isolation),
    ...(jobIsolation ? [watchOf('jobs', jobIsolation)] : []),
  ];
  const sequencer = createSequencer({
    db,
    macKey: keys.macKey,
    signer: keys.signer,
    onCheckpoint: (note) => checkpoints.append(note),
    onAlert: (alert) => {
      log.error(
        {
          code: alert.code,
          entry: alert.entry,
          ...(alert.cause === undefined ? {} : errorFields(alert.cause)),
        },
        alert.message,
      );
      tellOperators(operators, `Audit log: ${alert.message}`).catch((error: unknown) =>
        defect(error, { code: alert.code }),
      );
    },
  });

  const notServed = outside.statuses.filter(({ state }) => state !== 'served');
  /** What operators must know of this start, where there is anything. */
  const startNews = (): string[] =>
    [notServed.map(({ words }) => words).join('\n'), unreviewedInWords(rules.tools.unreviewed)].filter(
      (words) => words !== '',
    );

  const checks = createReadiness({
    db,
    sequencer,
    toolWatch: config.mcp === null ? null : toolWatch,
    broker,
    catalogue,
    policy: rules.policy,
    isolation,
    jobIsolation,
    acceptProcess: config.acceptProcess,
    notServed,
    platforms: connecting.checks,
  });

  const proof = createProving({
    db,
    keys,
    notes: () => readCheckpointFile(join(config.dataFolder, CHECKPOINT_FILE)),
  });

  const { assistant, stop: stopAssistant } = await createAssistant({
    db,
    intakeDb: storage.intake,
    audit,
    directory,
    judging,
    pipeline,
    rendering,
    identify: (account) => directory.identify(account),
    screen: (text) => {
      // Masked first: what hides a secret from a reader must not hide it from the search.
      const masked = maskSecrets(text);
      return { text: cleanText(masked.text), found: masked.found.map((finding) => finding.type) };
    },
    enqueueTurn: send.turn,
    actionsFor: async (viewer) => {
      const person = await directory.byId(viewer);
      if (!person) return [];
      return usableBy(person).map(({ action }) => ({
        name: action.name,
        title: action.title,
        description: action.description,
        examples: action.examples,
      }));
    },
    formFor,
    checkFor: (action, values) => {
      const governed = catalogue.governed(action);
      return governed && parseForm(governed.action, { ...values });
    },
    proof,
    health: async () => (await checks()).map(({ name, ok, code }) => ({ name, ok, code })),
    about: () => ({ isolation: isolation.now(), planner: planner.name }),
  });

  const admission = createAdmission(() => performance.now());
  let stopNews: () => Promise<void> = async () => undefined;
  let stopWorkers: () => Promise<void> = async () => undefined;
  return {
    assistant: counted(assistant, admission, metrics),
    pipeline,
    house,
    rules,
    isolation: established,
    planner,
    desk: builtIns.desk,
    metrics,
    checks,
    refreshMetrics: () =>
      refreshGauges(metrics, {
        operations: () => assistant.operations('' as PrincipalId),
        isolation,
        jobIsolation,
        broker,
        checks,
      }),
    viewRequest: rendering.requestFor,
    addSurface: (surface) => surfaces.set(surface.platform, surface),
    async start() {
      await sequencer.start();
      await db.transaction(async (tx) => {
        await audit.append(tx, {
          type: 'config.loaded',
          data: describe(config, isolation.now(), planner.name, outside),
        });
        await audit.append(tx, { type: 'policy.loaded', data: rules.startEntry() });
      });
      stopWorkers = await startWorkers({
        db,
        queue,
        pipeline: timed(pipeline, metrics),
        executor,
        giveWay: admission.giveWay,
        deliver: delivery,
        askApprovers: (request) => askApprovers({ ...asking, audienceOf: reaching.audienceOf }, request),
        remind: reaching.step,
        takeBackDue: (signal) =>
          takeBackDue(
            {
              db,
              announcing,
              executor,
              governed: catalogue.governed,
              bundleOf,
              isolation: isolationNow,
              nameOf,
              async alarm(words) {
                log.error({}, 'something should have ended and could not be taken back');
                await tellOperators(operators, words);
              },
            },
            signal,
          ),
        runCiJob: {
          concurrency: config.runner.concurrency,
          run: builtIns.runner.work,
          recover: builtIns.runner.recover,
        },
        failed: (error, what) => defect(error, { name: what }),
      });
      stopNews = await builtIns.onNews((execution) => {
        pipeline.lookNow(execution).catch((error: unknown) => defect(error, { name: 'look' }));
      });
      for (const { name, state, words } of notServed) log.warn({ action: name, code: state }, words);
      if (rules.tools.unreviewed.length > 0)
        log.warn({ code: 'tool_unreviewed' }, unreviewedInWords(rules.tools.unreviewed));
      checkpointPosting.start();
      for (const watch of isolationWatches) watch.start();
    },
    connect: (platform, start) =>
      connecting.connect(platform, start, async () => {
        const there = { ...operators, surfaces: () => [surfaces.get(platform)!] };
        for (const words of startNews()) await tellOperators(there, words);
      }),
    async reload() {
      await credentials.lookNow();
      const before = rules.policy().loaded;
      const data = rules.reload();
      await db.transaction((tx) => audit.append(tx, { type: 'policy.loaded', data }));
      await tellOperators(operators, changeInWords(policyChanges(before, rules.policy().loaded)));
    },
    async stop() {
      stopping.abort();
      connecting.stop();
      checkpointPosting.pause();
      await Promise.all(isolationWatches.map((watch) => watch.stop()));
      await stopNews();
      await stopWorkers();
      await queue.stop();
      await sequencer.stop();
      await checkpointPosting.last();
      await stopAssistant();
      await checkpoints.close();
      await broker.close();
      await vault?.close();
      await house.close();
    },
  };
}
