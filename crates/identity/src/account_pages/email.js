// Confirms a change of address, by the token of the mail to the old or to the new one.

import { call } from "./api.js";
import { followLink, onSubmitOfLink } from "./mailed-link.js";
import { element, show } from "./page.js";

let token = null;

// A click, since programs that look at mail follow links too.
onSubmitOfLink(element("confirm-form"), () => token, async () => {
  const change = await call("POST", "/v1/me/email/confirmation", { token });
  show(change.applied ? "done" : "half");
});
followLink((given) => {
  token = given;
  show("ask");
});
