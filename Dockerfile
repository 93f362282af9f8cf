# Hem with the configuration of this folder. Another configuration: mount it over /hem/config, or build from this image.
#   docker build -t hem .
#   docker run -p 4000:4000 -e STATIONS_URL=… hem

FROM node:26-bookworm-slim AS base
# Node's own builds need libatomic from version 25 on, and the slim image need not have it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libatomic1 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /hem

FROM base AS dependencies
COPY package.json package-lock.json ./
# No package that Hem runs on needs its install script.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM base
ENV NODE_ENV=production \
    HEM_HOST=0.0.0.0
COPY --from=dependencies /hem/node_modules node_modules
COPY package.json ./
COPY src src
COPY hem.yml config/
COPY schemas config/schemas
COPY clients config/clients
COPY connectors config/connectors
# The only folder that Hem writes to: the token of the admin listener.
RUN install -d -o node -g node -m 700 config/.hem
# Types are stripped and sources compiled here, once, and not at every start. Nothing that runs later can change what was compiled.
RUN install -d -o node -g node node_modules/.cache/hem
USER node
RUN ["sh", "src/hem.sh", "check", "--config", "config"]
USER root
RUN chown -R root:root node_modules/.cache
USER node
EXPOSE 4000
# The admin listener stays inside the container.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4001/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# The shell becomes Node, which is the first process then and gets the signals; it starts no others.
ENTRYPOINT ["sh", "src/hem.sh"]
CMD ["start", "--config", "config"]
