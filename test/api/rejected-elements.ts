// Rejected elements on the list of a scene.
import type { ApiScene } from "./api-scene.ts";

/** Writes one rejected element for each text, the oldest first. */
export async function reject(scene: ApiScene, texts: readonly string[]): Promise<void> {
  const rejections = texts.map((text) => ({
    reason: "not-json",
    field: null,
    message: "is not JSON",
    queue: scene.queue,
    bytes: Buffer.from(text),
  }));
  await scene.stores.rejected.write(rejections, new Date());
}
