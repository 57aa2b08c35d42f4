/** The durable queues, as data: who retries how often, and when a job that nobody finishes is given up. */

export type QueueSettings = {
  /** How many times a job that threw, or whose worker died, is run again. */
  retryLimit: number;
  /** First pause before a retry, in seconds; doubles with some jitter up to `retryDelayMax`. */
  retryDelay: number;
  retryDelayMax: number;
  /** Longest time one try may run, in seconds. */
  expireInSeconds: number;
};

/** The shortest that pg-boss allows: a killed worker's job is free again after this many seconds of silence. */
export const HEARTBEAT_SECONDS = 10;
/** Finished jobs hold nothing but an id, and every look at the queues counts them: an hour is enough. */
export const KEEP_FINISHED_SECONDS = 60 * 60;

export const QUEUES = {
  /** One inbound message; a model may be slow, a person is waiting. */
  turn: { retryLimit: 5, retryDelay: 1, retryDelayMax: 15, expireInSeconds: 300 },
  /** One approved request; the claim in SQL decides what a second try may do. */
  execute: { retryLimit: 20, retryDelay: 1, retryDelayMax: 30, expireInSeconds: 900 },
  /** One look at something that runs elsewhere; each look sends the next. */
  follow: { retryLimit: 20, retryDelay: 1, retryDelayMax: 30, expireInSeconds: 120 },
  /**
   * One message out; a platform may ask to wait a minute in the middle of one, may be down for hours, and may refuse our token
   * until somebody is back from a weekend. Tried for longer than the seven days that any request may wait.
   */
  deliver: { retryLimit: 2_100, retryDelay: 1, retryDelayMax: 300, expireInSeconds: 180 },
  /** One request whose time is over. */
  expire: { retryLimit: 20, retryDelay: 1, retryDelayMax: 60, expireInSeconds: 60 },
  /**
   * One step of reminders and escalations; each sends the next, hours or days ahead. One that was given up would end the
   * plan, so it is tried for longer than the seven days that any request may wait.
   */
  remind: { retryLimit: 1_100, retryDelay: 1, retryDelayMax: 600, expireInSeconds: 120 },
  /** One job of the built-in runner; its own limits end it long before. */
  run: { retryLimit: 3, retryDelay: 1, retryDelayMax: 15, expireInSeconds: 3600 },
} as const satisfies Record<string, QueueSettings>;

export type QueueName = keyof typeof QUEUES;
