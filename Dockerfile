# grebe in a container. Captures need no privilege:
#   docker build -t grebe .
#   docker run --rm -v "$PWD:/data" grebe replay --config edge.yaml --in underlay.pcap
# The daemon on the machine's own network, as an ordinary user with two capabilities: deploy/docker/README.md
FROM node:22-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential libpcap-dev python3 \
 && rm -rf /var/lib/apt/lists/*
# Optional packages are compiled with the headers that the image brings.
ENV npm_config_nodedir=/usr/local
WORKDIR /grebe
COPY . .
# The native addon and the TypeScript; then without what only the building needs.
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
# libpcap is what the optional package cap loads. A process that is not root gets capabilities from a file that has
# them: a setpriv of grebe's own, so that node itself stays without; only deploy/docker/entrypoint.sh uses it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpcap0.8 libcap2-bin \
 && install -D /usr/bin/setpriv /grebe/setpriv \
 && setcap cap_net_admin,cap_net_raw+ep /grebe/setpriv \
 && apt-get purge -y --auto-remove libcap2-bin \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /opt/yarn* \
 && install -d -o node -g node -m 0700 /run/grebe
WORKDIR /grebe
COPY --from=build /grebe/package.json /grebe/LICENSE /grebe/grebe.schema.json /grebe/scenario.schema.json ./
COPY --from=build /grebe/node_modules ./node_modules
COPY --from=build /grebe/native/build/grebe.node ./native/build/grebe.node
COPY --from=build /grebe/dist/src ./dist/src
COPY --from=build /grebe/fixtures ./fixtures
COPY --from=build /grebe/scenarios ./scenarios
COPY --chmod=0755 deploy/docker/entrypoint.sh /usr/local/bin/grebe
# The same place for the daemon and for `docker exec … grebe show`.
ENV NODE_ENV=production GREBE_SOCKET=/run/grebe/grebe.sock
USER node
WORKDIR /data
ENTRYPOINT ["grebe"]
CMD ["--help"]
