// `--user` and `--org`: whose things a command is about.
import type { Command } from "commander";
import { isOwnerId, OWNER_ID_ACCEPTED } from "../../wire/owner.ts";
import { judged } from "./usage.ts";

export interface OwnerOptions {
  user?: string;
  org?: string;
}

const ownerId = judged(isOwnerId, OWNER_ID_ACCEPTED);

export function addOwnerOptions(command: Command, words: { user: string; org: string }): Command {
  return command
    .option("--user <id>", words.user, ownerId)
    .option("--org <id>", words.org, ownerId);
}

/** As the API names them; what is not given is left out of JSON and of queries. */
export function ownerFields({ user, org }: OwnerOptions): { user_id?: string; org_id?: string } {
  return { user_id: user, org_id: org };
}
