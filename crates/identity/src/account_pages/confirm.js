// The last step of a sign-up: the mail's token, and the password that was chosen at first. Whoever only has the mailbox does
// not finish what a stranger began there.

import { call } from "./api.js";
import { element, onSubmit, show, takeToken } from "./page.js";

const token = takeToken();
const form = element("password-form");

onSubmit(form, async () => {
  await call("POST", "/v1/sign-ups/confirmation", { token, password: form.elements.password.value });
  show("done");
});
show(token ? "choose" : "no-token");
