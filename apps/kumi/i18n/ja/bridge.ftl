## `kumi bridge`: being a Bridge, and using some.

cmd-bridge = Bridge になる、または Bridge を使う
    .long =
        Bridge は、他のノードから届く場所にあり、自分には読めない通信を中継するノード
        です。NAT の内側のノード同士は Bridge を通して届きます。届くアドレスを持つ
        マシンなら何でもよく、管理者権限は要りません。
    .examples =
        kumi bridge up                    届くアドレスを持つマシンで
        kumi up --bridge kumi1:AgAAAA…    他のマシンで、表示された行を使う

cmd-bridge-up = このノードを Bridge にし、クライアント用の行を表示する
    .long =
        ノードが起動していなければ起動し、他の1ノードがつながるための行を表示します。
        再起動しても Bridge のままです。UDP と TCP は同じポートで、kumi.toml の `listen`
        のもの(省略時 4649)を使います。ファイアウォールでは両方を通してください。

        --password-file を付けると行に秘密は入らず、パスワードを知るノードが何台でも
        使えます。ノードに残るのはパスワードの Argon2id ハッシュだけです。パスワードは
        顧客ごとに持てます。顧客の異なるクライアント同士は、この Bridge では届きません。
    .examples =
        kumi bridge up                                            1回だけ、24時間使える行
        kumi bridge up --password-file pass                       パスワードを知る全員のための行
        kumi bridge up --password-file pass --customer club       顧客 "club" のための行
        kumi bridge up --no-line                                  `kumi bridge allow` の相手だけ

cmd-bridge-down = Bridge をやめる
    .long = チャネルをすべて終了します。クライアントの一覧とノードは残ります。ノードの停止は `kumi down` です。
    .examples =
        kumi bridge down    Bridge をやめる
        kumi bridge up      再び Bridge になる

cmd-bridge-invite = この Bridge のクライアントをもう1台増やすための行を作る
    .long = 行は1回だけ使え、期限があります。--password を付けると行に秘密は入らず、`kumi bridge up --password-file` で設定したパスワードを知る全員が使えます。
    .examples =
        kumi bridge invite                      24時間有効
        kumi bridge invite --customer club      顧客 "club" のクライアント用
        kumi bridge invite --expires 7d         7日間有効
        kumi bridge invite --password           パスワードを知る全員用、30日間有効

cmd-bridge-allow = この Bridge のクライアントを許可する、または条件を変える
    .long =
        許可したクライアントは、行の秘密もパスワードもなしで Bridge を使えます。届くのは
        同じ顧客のクライアントだけです。クライアントはピアではなく、`kumi allow` で許可
        しない限り、このマシンのどこにも届きません。
    .examples =
        kumi bridge allow fc12:…:89ab                       期限も上限もなし
        kumi bridge allow fc12:…:89ab --rate 10M            10 Mbit/s まで
        kumi bridge allow fc12:…:89ab --customer club --label ada

cmd-bridge-deny = クライアントの許可を取り消す(チャネルは直ちに終了)
    .examples =
        kumi bridge deny fc12:…:89ab    アドレスで
        kumi bridge deny ada            `kumi bridge list` に出る名前で

cmd-bridge-list = この Bridge のクライアントを表示する
    .examples =
        kumi bridge list           人が読む形で
        kumi bridge list --json    プログラム用に

cmd-bridge-use = Bridge を使う
    .long =
        Bridge の行でこのノードを Bridge につなぎ、覚えておきます。8台まで使え、1台が
        止まれば別の Bridge に移ります。以後に作る招待は Bridge を通して届きます。
        `kumi up --bridge 行` は、同じことをして招待行も作ります。
    .examples =
        kumi bridge use kumi1:AgAAAA…                         秘密の入った行で
        kumi bridge use kumi1:AgAAAA… --password-file pass    行とパスワードで
        kumi bridge use kumi1:AgAAAA… --wait 60               最長60秒待つ

cmd-bridge-forget = Bridge の使用をやめる
    .examples =
        kumi status                       使っている Bridge とアドレスを表示
        kumi bridge forget fc12:…:89ab    アドレスで

opt-bridge = `kumi bridge up` が表示した行。その Bridge を通して互いに届くようにする(8回まで指定可)
opt-bridge-password-file = Bridge のパスワードをこのファイルの1行目から読む
opt-bridge-wait = Bridge を待つ時間(秒、1～300、省略時 20)
opt-customer = どの顧客のクライアントか(名前は自由。異なる顧客のクライアント同士は届かない)
opt-line-expires = 行の有効期間: 30m、24h、7d など(1m～30d、省略時 24h、パスワード使用時は 30d)
opt-no-line = 行を作らない
opt-password = パスワードを知るノードのための、秘密の入らない行にする
opt-password-file = Bridge のパスワードをこのファイルの1行目から読む(8～128バイト)
opt-rate = この Bridge を通して送れる速さの上限(ビット毎秒。tc や iperf3 と同じく 500K、10M、1G、K = 1000)

arg-bridge = Bridge のアドレス(`kumi status` に出るもの)
arg-bridge-line = `kumi bridge up` か `kumi bridge invite` が表示した行
arg-client = 取り消す相手: アドレス、ルート鍵、または `kumi bridge list` に出る名前

expected-bridge = `kumi status` に出る Bridge のアドレス
expected-bridges = 8台までの Bridge
expected-customer = 制御文字を含まない1～32バイトの名前
expected-rate = 500K、10M、1G のようなビット毎秒の数

label-bridge = 経由する Bridge
label-serving = Bridge として

bridge-serving = このノードは Bridge です。自分には読めない通信を、クライアントの間で中継します。
bridge-password-kept = ノードに残るのはパスワードの Argon2id ハッシュだけです。ファイルは削除してかまいません。
bridge-no-line = クライアント用の行は `kumi bridge invite` で作れます。`kumi bridge allow ADDR` で許可することもできます。
bridge-next = この Bridge を使うマシンで次のように入力してください:
bridge-line-once = この行は1回だけ、{ $until } まで使えます。最初に使った人が入れるので、他人に見えない方法で渡してください。
bridge-line-password = この行に秘密は入っていません。パスワードを知る全員が { $until } まで使えます。FILE の1行目にパスワードを書いてください。
bridge-stopped = このノードは Bridge ではなくなりました。ノードは動き続けています。停止は `kumi down` です。
bridge-not-serving = このノードは Bridge ではありません。Bridge にするには: `kumi bridge up`
bridge-allowed = 許可しました: { $who } はこの Bridge を使えます。
bridge-allowed-next = Bridge の場所を知らせるための行は必要ですが、どの行でも使えます: `kumi bridge invite`
bridge-denied = 取り消しました: { $who } はこの Bridge を使えなくなり、チャネルは終了しました。
bridge-clients-none = クライアントはまだいません。`kumi bridge invite` で行を作るか、`kumi bridge allow ADDR` で許可してください。
bridge-customer = 顧客
bridge-channels = チャネル
bridge-relayed = 中継量
bridge-rate = 上限
bridge-client-here = 接続中
bridge-client-away = 不在
bridge-waiting = Bridge を待っています
bridge-used = Bridge { $bridge } につながりました({ $via }、{ $took } ミリ秒)。
bridge-used-next = 以後の招待はこの Bridge を通して届きます: `kumi invite`
bridge-forgotten = Bridge { $bridge } の使用をやめました。

status-bridge-attached = { $endpoint }({ $carrier }、{ $bridge })
status-bridge-calling = { $endpoint }({ $bridge }): 応答がなく、呼び出しを続けています
status-bridge-refused = { $refusal ->
    [not-admitted] { $endpoint }({ $bridge }): このノードは許可されていません。Bridge の所有者から新しい行をもらってください
    [password] { $endpoint }({ $bridge }): パスワードがないか違います。やり直すには: kumi bridge use 行 --password-file FILE
    [try-later] { $endpoint }({ $bridge }): パスワードの試行が多すぎました。1分後に再び試します
    [full] { $endpoint }({ $bridge }): これ以上クライアントを受け入れる余裕がありません
   *[other] { $endpoint }({ $bridge }): このバージョンの知らない理由で断られました
}
status-serving = { $tcp ->
    [none] 接続中のクライアント { $clients }、チャネル { $channels }、有効な行 { $lines }、UDP のみ(TCP ポートを使えませんでした)
   *[other] 接続中のクライアント { $clients }、チャネル { $channels }、有効な行 { $lines }、UDP と TCP のポート { $tcp }
}

advice-lan = このネットワークの中では使えます。外からこのノードに届くのは Bridge を通したときだけです。届くアドレスを持つ任意のマシンで `kumi bridge up` を実行し、ここで `kumi up --bridge 行` を実行してください。
advice-bridge-lan = これらのアドレスでこの Bridge に届くのは、このネットワークのマシンだけです。外からも使うには、ルーターで UDP と TCP のポート { $port } をこのマシンに転送するか、公開アドレスを持つマシンで Bridge を動かしてください。

invite-bridges = この招待は { $bridges } の Bridge を通るので、そこに届く場所ならどこからでも使えます。
