// Confirms a change of address with the token from the e-mail to the old or the new address.

import { call } from "./api.js";
import { followLink, onSubmitOfLink } from "./mailed-link.js";
import { element, show } from "./page.js";

let token = null;

// Requires a click, because programs that scan e-mail also follow links.
onSubmitOfLink(element("confirm-form"), () => token, async () => {
  const change = await call("POST", "/v1/me/email/confirmation", { token });
  show(change.applied ? "done" : "half");
});
followLink((given) => {
  token = given;
  show("ask");
});
