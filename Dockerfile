# grebe in a container: docker build -t grebe . && docker run --rm -v "$PWD:/data" grebe replay --config … --in …
FROM node:22-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential libpcap-dev python3 \
 && rm -rf /var/lib/apt/lists/*
# Optional packages are compiled with the headers that the image brings.
ENV npm_config_nodedir=/usr/local
WORKDIR /grebe
COPY . .
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpcap0.8 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /grebe
COPY --from=build /grebe/package.json /grebe/LICENSE /grebe/grebe.schema.json ./
COPY --from=build /grebe/node_modules ./node_modules
COPY --from=build /grebe/dist/src ./dist/src
COPY --from=build /grebe/fixtures ./fixtures
# The user that the image brings; packets from files need no privilege.
USER node
WORKDIR /data
ENTRYPOINT ["node", "/grebe/dist/src/cli/grebe.js"]
CMD ["--help"]
