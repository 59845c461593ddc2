## The command line: cmd-* are commands, opt-* options, arg-* arguments.

help-usage = 使い方:
help-commands = コマンド
help-options = オプション
help-arguments = 引数
help-examples = 例:

cmd-kumi = Kumihimo(組紐): アドレスが鍵そのものであるプライベートネットワーク
    .long = 2台のマシンを5つのコマンドでつなぎます。両方にインストールし、片方で `kumi up`、もう片方で `kumi join 招待行`、そして `kumi ping`。アカウントもドメインも管理者権限も要りません。
    .after =
        まずはここから:
          kumi demo               このマシンだけで1分以内に動作を確認
          kumi up                 このノードを起動して招待行を表示
          kumi join kumi1:…       もう1台のマシンで、その招待行を使う

        終了コード:
          0 成功   1 失敗   2 コマンドラインまたは kumi.toml の誤り
          3 ノードが起動していない   4 権限がない

        `kumi コマンド --help` で各コマンドの説明と例を表示します。

cmd-demo = このマシンの中で2台のノードを Bridge 経由で通信させ、盗聴者に何が見えるかを示す
    .long =
        専用の名前空間に、互いに届かない2台のノードとその間の Bridge を作り、接続し、
        ping を打ち、ファイルを送り、Bridge の回線上の盗聴者に何が見えるかを示します。特権は不要で、このマシンの設定には
        触れず、終了後には何も残しません。
    .examples =
        kumi demo               最初から最後まで
        kumi demo --size 256    256 MiB のファイルを使う
        kumi demo --json        数値だけを表示

cmd-up = このノードを起動し、招待行を表示する
    .long =
        アイデンティティがなければ作成し、ノードをバックグラウンドで起動して、
        アドレス、他のマシンからの到達方法、招待行を表示します。すでに起動している
        場合は、状態と新しい招待行を表示します。マシンの起動時に自動で起動するには
        `kumi service install` を使います。

        --bridge を付けると、その Bridge につながるまで待ち、招待は Bridge を通して届く
        ようになります。Bridge は覚えておくので、指定は1回で済みます。

        --socks5 や --http-proxy を付けると、プライベートネットワークの外のプログラムも
        プロキシ経由で中に届きます。宛先はアドレスか `kumi list` に出る名前です。
        パスワードは求めないので、`ssh -D` と同じく、このマシンの全ユーザーが使えます。
    .examples =
        kumi up                  バックグラウンドで起動
        kumi up --bridge kumi1:AgAAAA…    その Bridge を通しても届くようにする
        kumi up --no-invite      招待行を作らずに起動
        kumi up --foreground     フォアグラウンドで動かす(systemd など)
        kumi up --socks5 127.0.0.1:1080 --http-proxy 127.0.0.1:8080    ブラウザや curl 用のプロキシも開く

cmd-down = このノードを停止する
    .long =
        すべてのセッションを閉じ、ネットワークインターフェースを取り除いてノードを
        終了します。アイデンティティと許可リストは残ります。
    .examples =
        kumi down    停止
        kumi up      再び起動

cmd-join = 招待行を作ったノードに接続する
    .long =
        このノードが起動していなければ起動し、招待行を使って、セッションが確立する
        まで待ちます。その後は互いに相手の許可リストに載ります。Bridge の行を渡すと、
        `kumi bridge use` と同じことをします。`kumi group add` の行を渡すと、このノードは
        グループのメンバーになり、それで終わりです。
    .examples =
        kumi join kumi1:AQAAAA…                   招待行を1行のまま貼り付ける
        kumi join kumi1:AQAAAA… --label server    相手を "server" と呼ぶ
        kumi join kumi1:AQAAAA… --wait 60         最長60秒待つ

cmd-invite = もう1台のための招待行を作る
    .long =
        招待行は1回だけ使え、期限があります。最初に使った人が入れるので、
        他人に読まれない方法で渡してください。
    .examples =
        kumi invite                 24時間有効
        kumi invite --expires 1h    1時間有効
        kumi invite --expires 7d    7日間有効

cmd-status = このノードの状態を表示する
    .examples =
        kumi status           人が読む形で
        kumi status --json    プログラム用に

cmd-ping = ピアに応答を求め、時間と経路を表示する
    .long =
        セッションの中でエコー要求を送ります。インターフェースがなくても使えます。
        応答がどの経路で届いたかも表示します。
    .examples =
        kumi ping                    ピアが1台だけのとき
        kumi ping server             `kumi list` に出る名前で
        kumi ping fc12:…:89ab        アドレスで
        kumi ping server -c 1        1回だけ

cmd-peers = 許可したピアとそのセッションを表示する
    .examples =
        kumi peers           人が読む形で
        kumi peers --json    プログラム用に

cmd-top = ピアごとの通信の速さを見守る
    .long =
        すべてのピアについて、両方向の速さ、経路、往復時間を、通信の多い順に表示します。
        前回から破棄したもの、使用中のオフロード、カーネルの呼び出し1回で運んだ
        データグラムの数も分かります。端末では Ctrl-C まで表示を更新し、最後の表示を
        残して終わります。端末以外と --json では1回だけ、または -c の回数だけ測ります。

        --json では1回の測定が1行です。新しく現れたピアや数え直しになったピア、再起動
        したノードの速さは null になり、次の測定から分かります。
    .examples =
        kumi top                               Ctrl-C まで見守る
        kumi top --interval 5                  5秒ごとに測る
        kumi top --json                        プログラム用に1回測る
        kumi top --json -c 60 --interval 10    10分間に60回測る

cmd-run = プライベートネットワークが見える状態でプログラムを実行する
    .long =
        管理者権限がない場合、プライベートネットワークは専用の名前空間の中にあり、
        このコマンドはその中でプログラムを実行します。インターフェースがマシン本体の
        ネットワークにある場合は、どのプログラムからも見えるので、そのまま実行します。
    .examples =
        kumi run -- ssh alice@fc12:…:89ab        ピアにログイン
        kumi run -- curl http://[fc12:…:89ab]/   ピアから取得
        kumi run -- bash                         中でシェルを開く

cmd-forward = TCP ポートをプライベートネットワークの中へ、または外へ転送する
    .long =
        LISTEN で接続を待ち、TARGET へつなぎます。どちらの端も、このマシンのアドレスと
        ポートか、プライベートネットワーク側です。後者は LISTEN では inside:ポート、
        TARGET ではピアを書きます。引数がなければ転送の一覧を表示します。

        転送は再起動しても残ります。このマシンのポートは、`ssh -L` と同じく全ユーザーに
        開かれます。中のポートは `kumi list` で許可したピアだけに開かれます。
        --remove の後も、続いている接続は終わるまでそのままです。
    .examples =
        kumi forward inside:22 127.0.0.1:22              このマシンの sshd をピアに開く
        kumi forward 127.0.0.1:2222 [fc12::1]:22         ssh -p 2222 127.0.0.1 でピアに届く
        kumi forward 127.0.0.1:8080 server:80            `kumi list` に出る名前で
        kumi forward                                     一覧を表示
        kumi forward --remove inside:22                  1つ取り除く

cmd-allow = ピアを許可する
    .long =
        許可リストにないノードは入れません。相手もこのノードを許可している必要が
        あります。--port がなければこのマシンのすべて(このノードが広告する先を含む)、
        あればそのポートだけに届きます。ピアの先にあるネットワークは、--accept で
        受け入れると有効になります(他の設定は変わりません)。
    .examples =
        kumi allow fc12:…:89ab --label server              すべて許可
        kumi allow fc12:…:89ab --port tcp/22               SSH だけ
        kumi allow fc12:…:89ab -p tcp/80 -p tcp/443        2つのポート
        kumi allow fc12:…:89ab --accept 192.168.20.0/24    その先のネットワークも受け入れる
        kumi allow fc12:…:89ab --accept none               受け入れをすべてやめる

cmd-deny = ピアを許可リストから外す(セッションは直ちに終了)
    .examples =
        kumi deny fc12:…:89ab    アドレスで
        kumi deny server         `kumi list` に出る名前で

cmd-list = 許可リスト(誰に何を許可しているか)を表示する
    .examples =
        kumi list           人が読む形で
        kumi list --json    プログラム用に

cmd-check = 問題を探し、対処を示す
    .long =
        kumi.toml、アイデンティティ、ファイルと権限、ノードが起動しているか、UDP ポート、
        ネットワークインターフェース、時計、衝突する経路、転送、他から届くアドレスを
        調べます。何も変更しません。
    .examples =
        kumi check           人が読む形で(異常があれば終了コード 1)
        kumi check --json    プログラム用に

cmd-bugreport = 不具合報告に必要な情報を、秘密を含めずに集める
    .long =
        状態、ピア、検査結果、バージョンを文章で書き出します。鍵、パスフレーズ、
        招待行、通信内容は含みません。送る前に目を通してください。
    .examples =
        kumi bugreport               kumi-bugreport.txt に書き出す
        kumi bugreport report.txt    指定したファイルに書き出す
        kumi bugreport -             画面に表示する

cmd-completions = シェルの補完スクリプトを出力する
    .examples =
        kumi completions bash > ~/.local/share/bash-completion/completions/kumi
        kumi completions zsh > ~/.zfunc/_kumi
        kumi completions fish > ~/.config/fish/completions/kumi.fish

cmd-id = このノードのアイデンティティを作成・表示・保全する
    .long =
        アイデンティティは、まれにしか署名しないルート鍵、オフラインで保管するための
        次のルート鍵、そしてホット鍵からなります。アドレスはこれから導かれ、
        ルート鍵を更新しても変わりません。
    .examples =
        kumi id show                   このノードのアドレスと鍵
        kumi id backup identity.kumi   全体を封印して控えを取る
        kumi id rotate                 アドレスを保ったままルート鍵を更新する

cmd-id-new = アイデンティティを作成する
    .long = 初回起動時には `kumi up` が自動で行います。--seal を付けると、最初からルート鍵をパスフレーズで封印します。
    .examples =
        kumi id new           パスフレーズなし
        kumi id new --seal    パスフレーズを尋ね、ルート鍵を封印する

cmd-id-show = このノードのアドレス、ルート鍵、ノード証明書を表示する
    .examples =
        kumi id show           人が読む形で
        kumi id show --json    プログラム用に

cmd-id-rotate = ルート鍵を更新する(アドレスは変わらない)
    .long =
        次のルート鍵がルート鍵になり、新しい次のルート鍵を作ります。起動中のノードは
        ピアに知らせ、セッションは続きます。以後、古いルート鍵の証明書は拒否されます。
    .examples =
        kumi id rotate                                   next.key が所定の場所にある場合
        cp /media/usb/next.key ~/.local/state/kumihimo/ && kumi id rotate

cmd-id-seal = ルート鍵をパスフレーズで封印する(または変更する)
    .long = --node を付けるとホット鍵も封印し、以後 `kumi up` がパスフレーズを尋ねます。
    .examples =
        kumi id seal           ルート鍵
        kumi id seal --node    ホット鍵も

cmd-id-backup = アイデンティティ全体を封印した1つのファイルに書き出す
    .examples =
        kumi id backup identity.kumi                          パスフレーズを尋ねる
        kumi id backup identity.kumi --passphrase-file pass   ファイルから読む

cmd-id-restore = 封印したファイルからアイデンティティを復元する
    .long = 足りないものだけを復元します。既にあるファイルは決して上書きしません。
    .examples =
        kumi id restore identity.kumi               新しいマシンで
        kumi id restore identity.kumi && kumi up    復元して起動

opt-help = このコマンドの説明を表示する
opt-version = バージョンを表示する
opt-json = JSON で出力する(プログラム用)
opt-lang = 表示に使う言語: en または ja
opt-state = このノードのファイルを置く場所
opt-config = 使用する設定ファイル
opt-size = 送るファイルの大きさ(MiB、1～1024、省略時 64)
opt-foreground = フォアグラウンドで動き、標準エラー出力にログを出す
opt-no-invite = 招待行を作らない
opt-socks5 = このマシンのこのアドレスとポートで SOCKS5 プロキシを開く
opt-http-proxy = このマシンのこのアドレスとポートで HTTP プロキシを開く
opt-remove = そこで待っている転送を取り除く
opt-passphrase-file = パスフレーズをこのファイルの1行目から読む(環境変数 KUMI_PASSPHRASE_FILE でも指定可)
opt-new-passphrase-file = 新しいパスフレーズをこのファイルの1行目から読む
opt-label = ピアの呼び名
opt-wait = ピアを待つ時間(秒、1～300、省略時 30)
opt-expires = 招待の有効期間: 30m、24h、7d など(1m～30d、省略時 24h)
opt-count = 応答を求める回数(省略時 4)
opt-interval = 間隔(秒、省略時 1)
opt-top-count = 測る回数(省略時、端末では Ctrl-C まで、それ以外では1回)
opt-top-interval = 測る間隔(秒、0.1～3600、省略時 1)
opt-port = ピアに許すポート: tcp/22、udp/6000-6100 など(64個まで)
opt-accept = ピアが広告してよいプレフィックスを追加する: 192.168.20.0/24、fd00:20::/64 など(64個まで、none ですべて取り消し)
opt-seal = ルート鍵をパスフレーズで封印する
opt-node = ホット鍵も封印する

arg-line = `kumi up` または `kumi invite` が表示した招待行
arg-peer = ピアのアドレス、`kumi list` に出る名前、またはグループのメンバーの名前(NAME か NAME.GROUP)
arg-command = 実行するプログラムとその引数
arg-listen = 待つ場所: このマシンのアドレスとポート、または inside:ポート
arg-target = つなぐ先: アドレスとポート。fc00::/8 と 200::/7、ピアの名前、inside:アドレス:ポート はプライベートネットワークを通る
arg-who = 許可する相手: fc00::/8 のアドレス、または16進数64桁のルート鍵
arg-who-listed = 拒否する相手: アドレス、ルート鍵、または `kumi list` に出る名前
arg-report = 書き出し先(- なら画面)
arg-shell = bash、zsh、fish、elvish、powershell のいずれか
arg-backup = 書き出すファイル(既にあってはならない)
arg-restore = `kumi id backup` が書き出したファイル
