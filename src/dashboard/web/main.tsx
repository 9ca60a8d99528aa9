// The page's start: the token out of the address before anything else, then the look, then what is shown.
import { render } from "preact";
import { config } from "./boot.ts";
import { talkToFrame } from "./frame.ts";
import { followAddress } from "./route.ts";
import { resume } from "./connect.ts";
import { keptToken, takeFragment } from "./session.ts";
import { App } from "./app.tsx";
import { applyLook } from "./theme.ts";

const token = takeFragment() ?? keptToken();
followAddress();
if (token !== null) void resume(token);
// A link that is pasted into this very tab.
addEventListener("hashchange", () => {
  const pasted = takeFragment();
  if (pasted !== null) void resume(pasted);
});
applyLook();
document.title = config.name;
talkToFrame();
render(<App />, document.body);
