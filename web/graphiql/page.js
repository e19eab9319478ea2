// GraphiQL on this page's own origin: queries and mutations by HTTP, subscriptions by graphql-transport-ws.
// The access token stands in the header editor and goes into both; it is kept in this tab's memory alone.
'use strict';

(() => {
  const endpoint = new URL('graphql', document.baseURI);
  const socketEndpoint = new URL(endpoint);
  socketEndpoint.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';

  // `errand serve` and the demo print /graphiql#token=...: a fragment never leaves the browser.
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get('token');
  if (token !== null) {
    history.replaceState(null, '', location.pathname + location.search);
  }

  // One socket for each set of headers; the last one is closed when the headers change.
  let socket = null;
  let socketHeaders = null;
  const socketFor = (headers) => {
    const key = JSON.stringify(headers);
    if (socketHeaders !== key) {
      if (socket !== null) socket.dispose();
      socket = graphqlWs.createClient({
        url: socketEndpoint.href,
        lazy: true,
        connectionParams: headers,
        shouldRetry: () => true,
      });
      socketHeaders = key;
    }
    return socket;
  };

  const isSubscription = (request, options) => {
    const operations = (options?.documentAST?.definitions ?? []).filter(
      (definition) => definition.kind === 'OperationDefinition',
    );
    const chosen = request.operationName
      ? operations.find((operation) => operation.name?.value === request.operationName)
      : operations[0];
    return chosen?.operation === 'subscription';
  };

  const overHttp = GraphiQL.createFetcher({ url: endpoint.href });
  const fetcher = (request, options) =>
    isSubscription(request, options)
      ? socketFor(options?.headers ?? {}).iterate(request)
      : overHttp(request, options);

  const defaultQuery = `# Slow mutations as durable jobs.
# Ctrl-Enter runs the operation at the cursor.
#
# UNAUTHENTICATED? Put your token into the
# Headers tab below; \`errand serve\` prints
# one in development mode:
#   { "Authorization": "Bearer ..." }
#
# The book at the left shows the schema: each
# mutation marked @job answers at once with a
# handle, whose \`result\` comes later.

query RecentJobs {
  jobs(first: 10) {
    edges {
      node {
        id
        type
        status
        createdAt
        progress { fraction stage message }
        error { code message remediation }
      }
    }
  }
}

# Follows one job live; put its id in:
#
# subscription Watch {
#   job(id: "...") {
#     status
#     progress { fraction stage message }
#     nextSteps
#   }
# }
`;

  const headers =
    token === null ? undefined : JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);

  ReactDOM.createRoot(document.getElementById('graphiql')).render(
    React.createElement(GraphiQL, {
      fetcher,
      headers,
      defaultQuery,
      defaultEditorToolsVisibility: 'headers',
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
    }),
  );
})();
