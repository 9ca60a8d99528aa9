// What the worker needs of a logger. Log events are `noun.verb`.

export interface WorkerLog {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
}
