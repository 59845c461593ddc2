## `kumi netcheck`: what this network lets through.

cmd-netcheck = このネットワークが何を通すかを示す
    .long =
        使っている Bridge それぞれに UDP と TCP で応答を求め、このノードがどこに見えるか、
        往復時間、通るデータグラムの大きさを示します。HOST:PORT を付けると、そこにも
        TCP で接続してすぐに閉じます。最長5秒で終わり、何も変更しません。
    .examples =
        kumi netcheck                        Bridge について調べる
        kumi netcheck bridge.example:4649    そこに TCP が届くか
        kumi netcheck --json                 プログラム用に

arg-place = TCP で接続してみる場所(192.0.2.2:4649 など、4つまで)

expected-place = 192.0.2.2:4649 や [2001:db8::1]:443 のようなホストとポート
expected-places = 4つまでの場所

netcheck-waiting = Bridge に応答を求めています
netcheck-local = このマシン
netcheck-none = 他のマシンから届くものはありません
netcheck-port = ポート
netcheck-lan = このネットワーク
netcheck-discovery = 中のピアは自動で見つかります
netcheck-no-discovery = 中のピアは自動では見つかりません(招待と Bridge は使えます)
netcheck-nat-unknown = 不明(教えてくれる Bridge がありません)
netcheck-nat-none = なし(Bridge からこのマシンのアドレスがそのまま見えます)
netcheck-nat-behind = あり
netcheck-nat-same = あり(どの Bridge からも同じアドレスとポートに見えます)
netcheck-nat-differs = あり(Bridge によって違うアドレスかポートに見えます)
netcheck-bridge = Bridge { $bridge }
netcheck-answers = 応答あり
netcheck-silent = 応答なし
netcheck-tcp = { $took } ミリ秒で接続
netcheck-tcp-name = その名前はありません
netcheck-tcp-refused = 拒否されました(待ち受けがないか、ファイアウォールによる拒否)
netcheck-tcp-unreachable = 経路がありません
netcheck-tcp-other = 試せませんでした
netcheck-session = 往復 { $rtt } ミリ秒、{ $mtu } バイトまでのパケットがそのまま通ります
netcheck-observed = このノードは { $observed } に見えています
netcheck-not-attached = このノードは受け入れられていません。理由は `kumi status` で分かります
netcheck-targets = その他の場所

netcheck-verdict-offline = このマシンはネットワークにつながっていません。接続してから、もう一度試してください。
netcheck-verdict-lan-only = このノードはこのネットワークの中で使えます。その外を調べ、外からも届くようにするには Bridge を使います。届くアドレスを持つ任意のマシンで `kumi bridge up` を実行し、ここで `kumi up --bridge 行` を実行してください。
netcheck-verdict-global = このマシンには公開アドレス { $endpoint } があり、ファイアウォールが UDP ポート { $port } を塞いでいなければ、他のマシンから届きます。別のマシンの Bridge を使うと確かめられます。そこで `kumi bridge up`、ここで `kumi up --bridge 行` を実行してください。
netcheck-verdict-open = UDP が通り、NAT もありません。すべて使えます。
netcheck-verdict-nat = UDP は NAT を通して使えます。このノードから他へ届き、他からは Bridge を通して届きます。
netcheck-verdict-tcp-only = このネットワークは Bridge への UDP を通しません。代わりに TCP を使っています。使えますが、パケットが失われると遅くなります。Bridge のポートへの UDP を外向きに許可すると改善します。
netcheck-verdict-refused = Bridge はありますが、このノードを受け入れていません。理由は `kumi status` で分かります。`kumi bridge invite` の新しい行が必要かもしれません。
netcheck-verdict-blocked = どの Bridge も UDP と TCP のどちらにも応答しません。Bridge が停止しているか、このネットワークがそのポートへの通信を通していません。確実に存在する場所への `kumi netcheck HOST:PORT` で、どちらなのか分かります。
netcheck-verdict-unknown = このプログラムの知らない結果です。kumi を更新してください。
