// Scenes and services that the tests of a file share.
import { openCliScene, type CliScene } from "./cli-scene.ts";
import { openScene, type Scene } from "./serve-scene.ts";
import type { ServiceProcess } from "./service.ts";
import { useOpened } from "./use-opened.ts";

const dispose = (opened: AsyncDisposable) => opened[Symbol.asyncDispose]();

/** A scene in which no service runs yet. */
export function useScene(): Scene {
  return useOpened(openScene, dispose);
}

/** A scene, and a service in it with these settings. */
export function useService(env: Record<string, string> = {}): {
  scene: Scene;
  service: ServiceProcess;
} {
  const scene = useScene();
  const service = useOpened(() => scene.serve(env), dispose);
  return { scene, service };
}

/** A service, and the commands beside it. */
export function useCliScene(): CliScene {
  return useOpened(openCliScene, dispose);
}
