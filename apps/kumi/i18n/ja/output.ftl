## What commands print when all is well.

up-identity-made = アイデンティティを作成しました。鍵から導かれたアドレス: { $address }
up-certificate-renewed = ノード証明書を更新しました。{ $until } まで有効です。
up-started = ノードを起動しました(プロセス { $pid })。
up-already = ノードは既に起動しています(プロセス { $pid })。
up-foreground = ノードをフォアグラウンドで起動しました。Ctrl-C で終了します。
up-root-sealed = ノード証明書は { $until } に切れますが、ルート鍵が封印されています。端末で `kumi up` を実行するか、--passphrase-file を指定して更新してください。
up-next-command = もう1台のマシンで次のように入力してください:
up-invite-life = この招待行は1回だけ、{ $until } まで使えます。最初に使った人が入れるので、他人に見えない方法で渡してください。
up-then = 続いて、同じくもう1台で: kumi ping { $address }
up-no-invite = もう1台のための招待行は `kumi invite` で作れます。
up-hint-next-key = ヒント: { $file } を USB メモリーなどオフラインの場所に移してください。ルート鍵が盗まれても、このアドレスを守れるのはこの鍵です。

label-address = アドレス
label-alias = 別名アドレス
label-label = 名前
label-reached = 届くアドレス
label-announces = 広告する経路
label-listen = 待ち受け
label-network = ネットワーク
label-proxies = プロキシ
label-peers = ピア
label-certificate = ノード証明書
label-traffic = 通信量
label-offloads = オフロード
label-drops = 破棄
label-span = 測定
label-calls = 呼び出し1回
label-subnet = 別名サブネット
label-root-key = ルート鍵
label-rotations = ルート鍵の更新
label-files = ファイル

status-title = Kumihimo { $version }、起動から { $uptime }(プロセス { $pid })
status-reached-none = まだ他のマシンからは届きません。このマシンにはネットワークアドレスがありません
status-reached-lan = { $endpoints }(同じネットワークからのみ)
status-network-kernel = このマシンのネットワークのインターフェース { $name }、MTU { $mtu }{ $queues ->
    [1] {""}
   *[other] 、キュー { $queues } 本
}
status-network-rootless = 特権なしの名前空間の中(MTU { $mtu }{ $queues ->
    [1] {""}
   *[other] 、キュー { $queues } 本
}): `kumi run -- コマンド` を使います
status-network-none = なし: セッションと `kumi ping` は使えますが、プログラムからは使えません
status-forwards = 転送 { $count } 件
status-proxies-local = { $list }(このマシンの全ユーザーが使えます)
status-proxies-public = { $list }(これらのアドレスに届くすべての人が使えます)
status-peers = 接続中 { $connected }、許可 { $allowed }、有効な招待 { $invites }
status-certificate = カウンタ { $counter }、{ $until } まで有効(残り { $left })
status-certificate-over = カウンタ { $counter }、{ $until } に期限切れ
status-traffic = 受信 { $received }、送信 { $sent }
status-offloads = { $idle ->
    [none] 使用中: { $used }
   *[other] { $used ->
        [none] 未使用: { $idle }
       *[other] 使用中: { $used }。未使用: { $idle }
    }
}
offload-interface-tcp = インターフェースの TCP(TSO)
offload-interface-udp = インターフェースの UDP(USO)
offload-send = 送信(UDP GSO)
offload-receive = 受信(UDP GRO)

notice-label = お知らせ:
notice-clone-self = 別のマシン({ $endpoint })がこのノードの鍵を使っています。1つのアイデンティティの複製同士は互いに妨げ合うため、片方を止めてください。心当たりがなければ鍵が盗まれています: `kumi id rotate`
notice-clone-peer = 2台のマシン({ $endpoint } と { $endpoint_other })が { $address } の鍵を使っています。所有者に確認し、必要なら `kumi deny { $address }` を実行してください。
notice-certificate-expiring = { $root ->
    [sealed] ノード証明書はあと { $days } 日で切れます。ルート鍵が封印されているため、端末で `kumi up` を実行するか、--passphrase-file を付けて更新してください。
    [missing] ノード証明書はあと { $days } 日で切れます。root.key がこのマシンにないため、戻してから(`kumi id restore FILE`)`kumi up` で更新してください。
   *[other] ノード証明書はあと { $days } 日で切れます。`kumi up` で更新できます。
}
notice-certificate-expired = { $root ->
    [sealed] ノード証明書が切れたため、ピアはこのノードを拒否します。ルート鍵が封印されているため、端末で `kumi up` を実行するか、--passphrase-file を付けて更新してください。
    [missing] ノード証明書が切れたため、ピアはこのノードを拒否します。root.key がこのマシンにないため、戻してから(`kumi id restore FILE`)`kumi up` で更新してください。
   *[other] ノード証明書が切れたため、ピアはこのノードを拒否します。`kumi up` で更新できます。
}
notice-no-tun = ネットワークインターフェースがありません: { $detail }。対処は `kumi check` で分かります。
notice-no-site = グループが { $prefixes } を守っていますが、この機器は加われません: { $detail }。そこへの通信は Kumihimo がない状態と同じです。
notice-no-beacon = このネットワークのピアを自動では見つけられません: { $detail }。
notice-clock-behind = このマシンの時計は、ノードが知る時刻より { $behind_s } 秒遅れています。時計を合わせてください。
notice-no-endpoint = 今のところ、他のマシンからこのノードに届く方法がありません。ネットワークに接続してください。
notice-not-listening = { $listen } で接続を待てていません: { $detail }。そのアドレスを空けてから `kumi down` と `kumi up` を実行するか、`kumi forward --remove { $listen }` で転送を取り除いてください。
notice-beyond-gateway = ゲートウェイの先の { $prefixes } は通常の IP 通信です。Kumihimo が保護するのは2つのノードの間だけです。
notice-not-accepted = { $name } が { $prefixes } を広告していますが、ここでは無効です。受け入れるには: kumi allow { $who } { $accept }
notice-contested = { $name } が広告する { $prefixes } は、別のピアまたはこのノードも広告しているため、{ $name } には届きません。どちらか一方の広告を変えてください。
notice-prefix-elsewhere = このマシンでは { $prefix } が { $device } に向いているため、そのままにしてあります。そこへのパケットは、広告しているピアには送られません。
notice-not-forwarding = このノードは { $prefix } を広告していますが、このマシンはパケットを転送しません。転送するには: sysctl -w { $sysctl }=1
notice-nothing-behind = このノードは { $prefix } を広告していますが、インターフェースがマシン本体のネットワークにないため、ゲートウェイになれません。root で起動するか、kumi.toml から `announce` を取り除いてください。
notice-unknown = このプログラムの知らないお知らせがあります。kumi を更新してください。

invite-life = 1回だけ、{ $until } まで使えます。もう1台で: kumi join 招待行

join-waiting = { $peer } を待っています
join-starting = このノードを起動しています
join-done = { $peer }{ $label } に接続しました({ $via }、{ $took } ミリ秒)。
join-next = 次に入力するコマンド:

via-direct = 直接 { $endpoint }
via-stream = TCP { $endpoint } 経由
via-bridge = Bridge { $bridge } 経由

ping-title = { $peer }{ $label } に応答を求めます
ping-answer = { $seq }: 応答あり、{ $via }、{ $rtt } ミリ秒
ping-lost = { $seq }: 応答なし
ping-summary = { $sent } 回中 { $received } 回応答。往復時間 { $min } / { $mean } / { $max } ミリ秒(最小 / 平均 / 最大)
ping-summary-none = { $sent } 回中、応答はありませんでした

peers-none = ピアはまだいません。`kumi invite` で招待を作るか、`kumi allow ADDR` で許可してください。
peers-name = 名前
peers-address = アドレス
peers-state = 状態
peers-via = 経路
peers-rtt = 往復時間
peers-traffic = 受信 / 送信
peers-prefixes-used = { $name } が { $prefixes } を広告しています。そこへのパケットはこのピアに届きます。
peers-prefixes-not-accepted = { $name } が { $prefixes } を広告していますが、ここでは無効です。受け入れるには: kumi allow { $who } { $accept }
peers-prefixes-contested = { $name } が広告する { $prefixes } は、別のピアまたはこのノードも広告しているため、{ $name } には届きません。
peer-connected = 接続中
peer-connecting = 接続処理中
peer-idle = 待機
peer-unreachable = 経路不明

top-first = いま始めたところです。速さは次の表示から分かります
top-restarted = ノードが再起動したため測り直しています。速さは次の表示から分かります
top-span = 直近 { $seconds } 秒間
top-calls = 送信 { $sent }、受信 { $received }(カーネルの呼び出し1回で運んだデータグラム数)
top-drops-none = なし
top-received = 受信
top-sent = 送信
top-packets = パケット/秒
top-total = 合計
top-appeared = 新規
top-reset = 数え直し
top-more = ほか { $count } 件は表示しきれません

list-none = まだ誰も許可していません。`kumi invite` で招待を作るか、`kumi allow ADDR` で許可してください。
list-who = 相手
list-services = 許可する範囲
list-accepts = 受け入れる経路
list-since = 許可日時
list-answers = なし(応答だけ)
list-everything = すべて

forward-done = 転送を始めました: { $listen } から { $target } へ。
forward-done-inside = 転送を始めました: ここの tcp/{ $port } を許可されたピアは { $listen } から { $target } に届きます。許可は `kumi list` で確認できます。
forward-local = このマシンの全ユーザーが使えます。
forward-public = そのアドレスに届くすべての人が使えます。
forward-removed = 転送を取り除きました: { $listen }。続いている接続はそのままです。
forward-none = 転送はありません。例は `kumi forward --help` にあります。
forward-listen = 待つ場所
forward-target = つなぐ先
forward-open = 受付中

allow-done = 許可しました: { $who } が届く範囲は { $services } です。
allow-accepts = 受け入れる経路: { $prefixes }。このうち相手が広告したものへのパケットが、相手に届きます。
allow-mutual = 相手側でもこのノードを許可する必要があります: kumi allow { $address }
deny-done = 拒否しました: { $who } を許可リストから外し、セッションを終了しました。
down-done = ノードを停止しました。
down-already = ノードは起動していませんでした。

id-made = アイデンティティを作成しました。
id-sealed = 封印済み
id-open = 封印なし
id-absent = ここにはない
id-rotated = ルート鍵を更新しました。アドレスは { $address } のままです。
id-rotated-told = { $peers ->
    [0] 起動中のノードに伝えました。今接続しているピアはなく、次に接したときに伝わります。
   *[other] 起動中のノードに伝え、接続中のピア { $peers } 台に知らせました。
}
id-rotated-stopped = ノードは起動していません。ピアには次に接したときに伝わります。
id-rotated-next = 新しい次のルート鍵は { $file } です。オフラインの場所に移してください。
id-seal-done = 封印しました: { $files }
id-backup-done = { $address } のアイデンティティ全体を { $file } に書き出し、パスフレーズで封印しました。
id-backup-keep = ファイルとパスフレーズは別々に保管してください。パスフレーズがなければ誰にも開けません。
id-restored = アイデンティティ { $address } を復元しました: { $files }
id-restored-nothing = 足りないものはありません。{ $address } のファイルはすべて揃っています。
id-restored-clone = 同じアイデンティティを2台で同時に動かさないでください。ピアが気付き、名指しします。

passphrase-ask = { $file } のパスフレーズ:
passphrase-new = 新しいパスフレーズ:
passphrase-again = もう一度:
passphrase-backup = 控えのパスフレーズ:

bugreport-done = { $file } に書き出しました。ピアのアドレスと名前を含みますが、鍵は含みません。送る前に目を通してください。
