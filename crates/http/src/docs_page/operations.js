// A Swagger UI plugin that changes its list of operations.

export const changes = {
  fn: { opsFilter: filterOperations },
  statePlugins: { layout: { wrapActions: { scrollToElement: () => scrollBelowBar } } },
  wrapComponents: { operations: tellOfNoMatch },
};

// Scrolls an operation below the bar, according to `scroll-margin-top`, which Swagger UI ignores. The argument is the
// element around the operation.
function scrollBelowBar(around) {
  (around.querySelector(".opblock, .opblock-tag") ?? around).scrollIntoView();
}

// Keeps operations whose tag, method, path, name or summary contains the phrase. Swagger UI only searches tags.
function filterOperations(taggedOperations, phrase) {
  const wanted = phrase.toLowerCase();
  const matches = (operation, tag) => {
    const texts = [tag, operation.get("method"), operation.get("path")];
    texts.push(operation.getIn(["operation", "operationId"]), operation.getIn(["operation", "summary"]));
    return texts.some((text) => text?.toLowerCase().includes(wanted));
  };
  return taggedOperations
    .map((group, tag) => group.update("operations", (all) => all.filter((operation) => matches(operation, tag))))
    .filter((group) => !group.get("operations").isEmpty());
}

// Replaces Swagger UI's message "No operations defined in spec!" when the filter matches nothing.
function tellOfNoMatch(Operations, { React, layoutSelectors, specSelectors }) {
  return (properties) => {
    const phrase = layoutSelectors.currentFilter();
    const hidden = typeof phrase === "string" && phrase !== "" && specSelectors.taggedOperations().isEmpty();
    if (!hidden) return React.createElement(Operations, properties);
    return React.createElement("p", { className: "no-match", role: "status" }, `No operation matches “${phrase}”.`);
  };
}
