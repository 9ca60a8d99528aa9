// Signed in or not; the header with the ways to go; the page that the address names.
import { LogOut } from "lucide";
import type { ComponentChildren } from "preact";
import { useEffect, useState, useRef } from "preact/hooks";
import { config } from "./boot.ts";
import { away } from "./client.ts";
import { ownerInWords, ownOwner } from "./owner.ts";
import { Access } from "./page/access.tsx";
import { Audit } from "./page/audit.tsx";
import { DeliveryPage } from "./page/delivery.tsx";
import { LivePage } from "./page/live.tsx";
import { Overview } from "./page/overview.tsx";
import { OwnOverview } from "./page/own-overview.tsx";
import { Parked } from "./page/parked.tsx";
import { RejectedPage } from "./page/rejected.tsx";
import { SearchPage } from "./page/search.tsx";
import { Send } from "./page/send.tsx";
import { SignIn } from "./page/sign-in.tsx";
import { WebhookPage } from "./page/webhook.tsx";
import { Webhooks } from "./page/webhooks.tsx";
import { Icon } from "./part/icon.tsx";
import { Failsafe } from "./part/failsafe.tsx";
import { Waiting } from "./part/notice.tsx";
import { Page } from "./part/page.tsx";
import { SearchBox } from "./part/search-box.tsx";
import { ShortcutHelp } from "./part/shortcut-help.tsx";
import { Foreign } from "./part/text.tsx";
import { hashOf, route } from "./route.ts";
import { said } from "./said.ts";
import { end, isConnecting, mayWrite, session } from "./session.ts";
import { listenForKeys, type Destination } from "./shortcuts.ts";
import { clockTime } from "./time.ts";
import { WorkflowList } from "./workflow/list.tsx";

const FOR_ALL: readonly Destination[] = [
  { path: "/overview", title: "Overview", key: "o" },
  { path: "/webhooks", title: "Webhooks", key: "w" },
  { path: "/live", title: "Live", key: "l" },
  { path: "/parked", title: "Parked", key: "p" },
];
const FOR_OPERATOR: readonly Destination[] = [
  { path: "/workflows", title: "Workflows", key: "f" },
  { path: "/rejected", title: "Rejected", key: "r" },
  { path: "/send", title: "Send", key: "s" },
  { path: "/access", title: "Access", key: "k" },
];
/** What an owner has of it. */
const KEYS: Destination = { path: "/access", title: "API keys", key: "k" };
const AUDIT: Destination = { path: "/audit", title: "Audit", key: "u" };
const DOCS: Destination = { path: "/docs", title: "API", key: "a" };

export function App() {
  return (
    <>
      <Whole />
      <p class="unseen" role="status">
        {said.value}
      </p>
    </>
  );
}

function Whole() {
  if (session.value !== null) return <SignedIn />;
  if (!isConnecting.value) return <SignIn />;
  return (
    <>
      <Away />
      <main id="main" class="sign-in">
        <Waiting what={config.name} />
      </main>
    </>
  );
}

function SignedIn() {
  const owner = ownOwner.value;
  const ofOperator = FOR_OPERATOR.filter(({ path }) => mayWrite.value || path !== "/send");
  const destinations = [...FOR_ALL, ...(owner ? [KEYS] : ofOperator), AUDIT, DOCS];
  useEffect(() => listenForKeys(destinations), [destinations.map((one) => one.path).join()]);
  const { path } = route.value;
  const nav = useRef<HTMLElement>(null);
  // On a telephone the pages are one row that scrolls.
  useEffect(
    () =>
      nav.current
        ?.querySelector("[aria-current]")
        ?.scrollIntoView({ block: "nearest", inline: "nearest" }),
    [path[0]],
  );
  return (
    <>
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <header class="top">
        <strong class="brand">
          <Foreign text={config.name} />
        </strong>
        <nav aria-label="Pages" ref={nav}>
          {destinations.map((one) => (
            <a
              href={hashOf(one.path)}
              aria-current={`/${path[0] ?? firstPage()}` === one.path ? "page" : undefined}
            >
              {one.title}
            </a>
          ))}
        </nav>
        <SearchBox key={path[0] === "search" ? route.value.query.q : ""} />
        <div class="session">
          {owner && (
            <span class="muted">
              <Foreign text={ownerInWords(owner)} />
            </span>
          )}
          {!mayWrite.value && <span class="badge off">Read only</span>}
          <button type="button" class="quiet" onClick={() => end("signed-out")}>
            <Icon of={LogOut} />
            <span class="label">Sign out</span>
          </button>
        </div>
      </header>
      <Away />
      <Failsafe key={path.join("/")}>
        <CurrentPage />
      </Failsafe>
      <ShortcutHelp destinations={destinations} />
    </>
  );
}

function Away() {
  const { value } = away;
  return (
    <p class={value ? "away" : "unseen"} role="status">
      {value &&
        (value.who === "Valkey"
          ? `Fluxhook has not reached Valkey since ${clockTime(value.since)}. Nothing is lost; this page goes on by itself.`
          : `Fluxhook has not answered since ${clockTime(value.since)}. This page goes on by itself.`)}
    </p>
  );
}

/** The operator looks at the whole first, an owner at its webhooks. */
function firstPage(): string {
  return ownOwner.value === null ? "overview" : "webhooks";
}

function CurrentPage() {
  const [name = firstPage(), id] = route.value.path;
  const owner = ownOwner.value;
  const isOperator = owner === null;
  if (name === "overview") return owner === null ? <Overview /> : <OwnOverview owner={owner} />;
  if (name === "webhooks") return id === undefined ? <Webhooks /> : <WebhookPage id={id} />;
  if (name === "deliveries" && id !== undefined) return <DeliveryPage key={id} id={id} />;
  if (name === "live") return <LivePage />;
  if (name === "search") return <SearchPage />;
  if (name === "parked") return <Parked />;
  if (name === "docs") return <Docs />;
  if (isOperator && name === "workflows") {
    return id === undefined ? <WorkflowList /> : <Workflow key={id} id={id} />;
  }
  if (isOperator && name === "rejected") return <RejectedPage />;
  if (isOperator && mayWrite.value && name === "send") return <Send />;
  if (name === "access") return <Access />;
  if (name === "audit") return <Audit />;
  return (
    <Page title="Not found">
      <p>
        There is no such page. <a href={hashOf("/webhooks")}>Go to the webhooks</a>
      </p>
    </Page>
  );
}

/** A chunk of its own, with the editor: many services have no workflows. */
function Workflow({ id }: { id: string }) {
  const [page, setPage] = useState<ComponentChildren>(<Waiting what="the workflow" />);
  useEffect(() => {
    import("./workflow/workflow.tsx").then(
      ({ WorkflowPage }) => setPage(<WorkflowPage id={id} />),
      () => setPage(<NotLoaded />),
    );
  }, []);
  return page;
}

function NotLoaded() {
  return <p role="alert">This part of the page did not load. Reload it.</p>;
}

/** A chunk of its own: most who come here never open it. */
function Docs() {
  const [page, setPage] = useState<ComponentChildren>(<Waiting what="the API reference" />);
  useEffect(() => {
    import("./page/docs.tsx").then(
      ({ DocsPage }) => setPage(<DocsPage />),
      () => setPage(<NotLoaded />),
    );
  }, []);
  return page;
}

/** The address is the page's own; the browser's way of following `#main` would change it. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main h1")?.focus();
}
