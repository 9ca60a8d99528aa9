// flux.configs before the real service on a real Valkey.
import { expect, test } from "bun:test";
import { Flux } from "../../src/sdk/flux.ts";
import { FluxError } from "../../src/sdk/flux-error.ts";
import { API_TOKEN } from "../support/service.ts";
import { useService } from "../support/use-scene.ts";

const { service } = useService();
const client = () => new Flux({ apiKey: API_TOKEN, baseUrl: service.url });
const url = "https://93.184.215.14/hooks";

test.each([{ user_id: "u_1" }, { org_id: "o_1" }])(
  "the document of %p is read, tried and applied with its version",
  async (owner) => {
    const flux = client();
    const { webhooks, etag } = await flux.configs.get(owner);
    expect(webhooks).toEqual([]);
    const wanted = [...webhooks, { url, events: ["file.*"] }];
    const dry = await flux.configs.dryRun(owner, wanted);
    expect(dry).toEqual({ created: [{ index: 0, url }], changed: [], deleted: [] });
    const applied = await flux.configs.apply(owner, wanted, { ifMatch: etag });
    const [made] = applied.created;
    expect(await flux.webhooks.revealSecret(made?.id ?? "")).toEqual({
      secret: made?.secret ?? "",
    });
    expect(await flux.configs.get(owner)).toEqual({
      webhooks: applied.webhooks,
      etag: applied.etag,
    });
  },
);

test("a document that was read before another change is refused with 412", async () => {
  const flux = client();
  const owner = { user_id: "u_2" };
  const { etag } = await flux.configs.get(owner);
  await flux.webhooks.create({ ...owner, url });
  const refused = flux.configs.apply(owner, [], { ifMatch: etag });
  const error = await refused.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FluxError);
  expect(error).toMatchObject({ status: 412, type: "urn:fluxhook:problem:precondition-failed" });
  expect((await flux.configs.get(owner)).webhooks).toHaveLength(1);
});

test("an id that would lead to another route is a TypeError", async () => {
  const wrong = client().configs.get({ user_id: ".." });
  expect(await wrong.catch((error: unknown) => error)).toBeInstanceOf(TypeError);
});
