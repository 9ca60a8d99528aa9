// The events that `fluxhook dev` pushes: one of each type of the fluxdrop dialect.
import { fluxdrop } from "../../wire/dialects/fluxdrop.ts";

/** The owner of the samples. */
export const SAMPLE_USER = "u_dev";

const DATA: Record<string, string> = {
  "file.created": '{"file_id":"f_1","name":"report.pdf","size":12345678901234567890}',
  "file.deleted": '{"file_id":"f_1"}',
  "file.downloaded": '{"file_id":"f_1","by":"u_2"}',
  "share.linked": '{"share_id":"s_1","file_id":"f_1"}',
  "share.deleted": '{"share_id":"s_1"}',
  "org.userAdded": '{"org_id":"o_1","user_id":"u_2"}',
  "org.userRemoved": '{"org_id":"o_1","user_id":"u_2"}',
  "org.updated": '{"org_id":"o_1","name":"Ångström & Söhne"}',
  "org.permissionChanged": '{"org_id":"o_1","user_id":"u_2","role":"admin"}',
  "storage.exceeded": '{"used":1.0e12,"limit":1.0e12}',
};

/** Returns the elements as a producer would push them, oldest first. */
export function sampleElements(): string[] {
  return fluxdrop.catalogue.map((type) => sampleElement(type));
}

export function sampleElement(type: string): string {
  return `{"user_id":"${SAMPLE_USER}","event":"${type}","data":${DATA[type] ?? "{}"}}`;
}
