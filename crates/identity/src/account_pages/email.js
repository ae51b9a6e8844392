// Confirms a change of address, by the token of the mail to the old or to the new one.

import { call } from "./api.js";
import { element, onSubmit, show, takeToken } from "./page.js";

const token = takeToken();

// A click, since programs that look at mail follow links too.
onSubmit(element("confirm-form"), async () => {
  const change = await call("POST", "/v1/me/email/confirmation", { token });
  show(change.applied ? "done" : "half");
});
show(token ? "ask" : "no-token");
