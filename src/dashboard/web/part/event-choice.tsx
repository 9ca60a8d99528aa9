// Which events a webhook gets: all of them, as a choice of its own; else ticks, by group, from the
// catalogue, and what the catalogue does not name.
import { useState } from "preact/hooks";
import { firstWord, type OfferedType } from "../event-types.ts";
import { Foreign } from "./text.tsx";

interface EventChoiceProps {
  /** Event types that can be ticked. */
  catalogue: readonly OfferedType[];
  chosen: readonly string[];
  error?: string;
  onChange: (patterns: readonly string[]) => void;
}

export function EventChoice({ catalogue, chosen, error, onChange }: EventChoiceProps) {
  const isAll = chosen.includes("*");
  return (
    <fieldset aria-invalid={error === undefined ? undefined : "true"}>
      <legend>Events</legend>
      <label class="tick">
        <input type="radio" name="events" checked={isAll} onChange={() => onChange(["*"])} />
        Every event, also future ones
      </label>
      <label class="tick">
        <input type="radio" name="events" checked={!isAll} onChange={() => onChange([])} />
        Only the events that I choose
      </label>
      {!isAll && <Ticks catalogue={catalogue} chosen={chosen} onChange={onChange} />}
      {error !== undefined && (
        <p class="error" role="alert">
          <Foreign text={error} />
        </p>
      )}
    </fieldset>
  );
}

function Ticks({ catalogue, chosen, onChange }: Omit<EventChoiceProps, "error">) {
  const [search, setSearch] = useState("");
  const [other, setOther] = useState("");
  // What is chosen can be taken back, also where no catalogue names it.
  const named = new Set(catalogue.map(({ name }) => name));
  const others = chosen
    .filter((one) => !one.endsWith(".*") && !named.has(one))
    .map((name): OfferedType => ({ name, description: "", group: firstWord(name) }));
  const types = [...catalogue, ...others];
  const wanted = search.toLowerCase();
  const shown = types.filter(({ name, description }) =>
    `${name} ${description}`.toLowerCase().includes(wanted),
  );
  const groups = [...Map.groupBy(shown, ({ group }) => group)];
  const wholes = new Set(groups.flatMap(([group, members]) => wholeOf(group, members) ?? []));
  const loose = chosen.filter((pattern) => pattern.endsWith(".*") && !wholes.has(pattern));
  const toggle = (pattern: string, isOn: boolean) =>
    onChange(isOn ? [...chosen, pattern] : chosen.filter((one) => one !== pattern));
  function add(): void {
    const pattern = other.trim();
    if (pattern !== "" && !chosen.includes(pattern)) toggle(pattern, true);
    setOther("");
  }
  return (
    <div class="events">
      {types.length > 8 && (
        <input
          type="search"
          aria-label="Search event types"
          placeholder="Search event types"
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      )}
      {groups.map(([group, members]) => (
        <Group group={group} members={members} chosen={chosen} onToggle={toggle} />
      ))}
      {loose.map((pattern) => (
        <Tick pattern={pattern} label={pattern} isOn onToggle={toggle} />
      ))}
      <div class="bar">
        <input
          type="text"
          aria-label="Another event type"
          placeholder="order.paid or order.*"
          spellcheck={false}
          autocapitalize="off"
          value={other}
          onInput={({ currentTarget }) => setOther(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            add();
          }}
        />
        <button type="button" onClick={add} disabled={other.trim() === ""}>
          Add this type
        </button>
      </div>
    </div>
  );
}

interface GroupProps {
  /** Empty: types without a group. */
  group: string;
  members: readonly OfferedType[];
  chosen: readonly string[];
  onToggle: (pattern: string, isOn: boolean) => void;
}

function Group({ group, members, chosen, onToggle }: GroupProps) {
  const whole = wholeOf(group, members);
  const isWhole = whole !== null && chosen.includes(whole);
  return (
    <div class="group">
      {group !== "" && whole === null && (
        <p class="group-name">
          <Foreign text={group} />
        </p>
      )}
      {whole !== null && (
        <Tick
          pattern={whole}
          label={`All ${group} events, also future ones`}
          isOn={isWhole}
          onToggle={onToggle}
        />
      )}
      <div class="members">
        {members.map(({ name, description }) => (
          <Tick
            pattern={name}
            label={name}
            description={description}
            isOn={isWhole || chosen.includes(name)}
            isFixed={isWhole}
            onToggle={onToggle}
          />
        ))}
      </div>
    </div>
  );
}

/** The pattern of a whole group; null where its types have no common first word. */
function wholeOf(group: string, members: readonly OfferedType[]): string | null {
  const words = new Set(members.map(({ name }) => firstWord(name)));
  const [word = ""] = words;
  return group !== "" && words.size === 1 && word !== "" ? `${word}.*` : null;
}

interface TickProps {
  pattern: string;
  label: string;
  description?: string;
  isOn: boolean;
  /** Its group is chosen as a whole. */
  isFixed?: boolean;
  onToggle: (pattern: string, isOn: boolean) => void;
}

function Tick({ pattern, label, description = "", isOn, isFixed = false, onToggle }: TickProps) {
  return (
    <label class="tick">
      <input
        type="checkbox"
        checked={isOn}
        disabled={isFixed}
        onChange={({ currentTarget }) => onToggle(pattern, currentTarget.checked)}
      />
      <span>
        <Foreign text={label} />
        {description !== "" && (
          <small class="muted">
            <Foreign text={description} />
          </small>
        )}
      </span>
    </label>
  );
}
