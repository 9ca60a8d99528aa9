// The settings of the dashboard and the portal.
import { color, origins, pageUrl, title, toggle } from "./forms.ts";
import { setting } from "./setting.ts";

export const DASHBOARD_SETTINGS = {
  DASHBOARD: setting(toggle, "true", "serve the dashboard at `/` and the portal at `/portal`"),
  PORTAL_ORIGINS: setting(
    origins,
    "",
    "web origins that may show the portal in a frame and renew its token, comma-separated",
  ),
  PORTAL_NAME: setting(title, "Webhooks", "the portal's title"),
  PORTAL_ACCENT: setting(
    color.optional(),
    null,
    "the colour of the portal's buttons: `#rrggbb`; their text is black or white, as it is readable",
  ),
  PORTAL_RETURN_URL: setting(
    pageUrl.optional(),
    null,
    "where the portal sends a user whose link has expired: a page of yours that makes a new one",
  ),
} as const;
