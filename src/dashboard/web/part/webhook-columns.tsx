// The columns of every table of webhooks.
import type { Webhook } from "../../../wire/webhook.ts";
import { hashOf } from "../route.ts";
import { eventsInWords } from "../words.ts";
import { Health, State } from "./state.tsx";
import type { Column } from "./table.tsx";
import { Foreign, Url } from "./text.tsx";

export const WEBHOOK_COLUMNS: readonly Column<Webhook>[] = [
  {
    title: "URL",
    isMain: true,
    cell: ({ id, url, description }) => (
      <>
        <a class="whole-row" data-row href={hashOf(`/webhooks/${id}`)}>
          <Url url={url} />
        </a>
        {description !== "" && (
          <span class="muted clipped">
            <Foreign text={description} />
          </span>
        )}
      </>
    ),
  },
  {
    title: "Events",
    cell: ({ events }) => (
      <span class="clipped">
        <Foreign text={eventsInWords(events)} />
      </span>
    ),
  },
  { title: "State", cell: (webhook) => <State webhook={webhook} /> },
  { title: "Health", cell: ({ health }) => <Health health={health} /> },
];
