// What operators and owners do while deliveries go on: look at the stream, read the figures, scrape the metrics.
import { watchService, type StreamViewer } from "../support/stream-viewer.ts";
import { check, TOKEN, type Check, type WorkerProcess } from "./harness.ts";

const READ = ["/v1/stats", "/v1/series?range=1h", "/v1/series?range=24h", "/metrics"];
/** Of an owner, of all owners, of the figures of the service. */
const STREAMS = ["?user_id=well", "", "?stats=true"];

export class Watchers {
  private readonly statuses = new Map<string, number>();
  /** The most that one answer had, by whether they say their version. */
  private readonly workers = { older: 0, new: 0 };

  private constructor(
    private readonly worker: WorkerProcess,
    private readonly viewers: readonly StreamViewer[],
  ) {}

  static async of(worker: WorkerProcess): Promise<Watchers> {
    const viewers = await Promise.all(
      STREAMS.map((query) => watchService(worker.url, TOKEN, query)),
    );
    return new Watchers(worker, viewers);
  }

  async read(): Promise<void> {
    for (const path of READ) {
      const answer = await this.worker.api("GET", path);
      const text = await answer.text();
      const key = answer.status === 200 ? "200" : `${path} ${answer.status}`;
      this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
      if (path === "/v1/stats" && answer.status === 200) this.countWorkers(text);
    }
  }

  /** Closes the streams. */
  end(): Check[] {
    for (const viewer of this.viewers) viewer.close();
    const [ofOwner, ofAll, ofFigures] = this.viewers as [StreamViewer, StreamViewer, StreamViewer];
    const attempts = [ofOwner, ofAll].map((viewer) => viewer.of("attempt").length);
    const strangers = ofOwner.of("attempt").filter(({ user_id }) => user_id !== "well").length;
    const figures = ofFigures.of("stats").length;
    const others = [...this.statuses].filter(([status]) => status !== "200");
    const { older, new: ofNew } = this.workers;
    const answered = this.statuses.get("200") ?? 0;
    return [
      check("figures read and metrics scraped", answered, answered > 0),
      check("with another status", JSON.stringify(others), others.length === 0),
      check("workers seen, of both versions", `${older} + ${ofNew}`, older > 0 && ofNew > 0),
      check(
        "attempts on the streams",
        attempts.join(", "),
        attempts.every((n) => n > 0),
      ),
      check("of other owners on an owner's stream", strangers, strangers === 0),
      check("figures on a stream of figures", figures, figures > 1),
    ];
  }

  private countWorkers(text: string): void {
    const { workers } = JSON.parse(text) as { workers: { version: string | null }[] };
    const older = workers.filter(({ version }) => version === null).length;
    this.workers.older = Math.max(this.workers.older, older);
    this.workers.new = Math.max(this.workers.new, workers.length - older);
  }
}
